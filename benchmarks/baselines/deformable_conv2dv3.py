"""Deformable convolution v3 as hand-written code of each backend.

All points are sampled by one call.
"""

from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch

KERNEL = 3


def jax(w, x, *, config, training):
    """Deformable convolution v3 in JAX."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    first = config["data_format"] == "channels_first"
    x = x.transpose(0, 2, 3, 1) if first else x
    *size, channels = x.shape
    u = lax.conv_general_dilated(
        x,
        w["depthwise/kernel"],
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=channels,
    )
    u = u + w["depthwise/bias"]
    mean = u.mean(-1, keepdims=True)
    u = (u - mean) * lax.rsqrt(u.var(-1, keepdims=True) + 1e-6)
    u = jax.nn.gelu(u * w["norm_gamma"] + w["norm_beta"], approximate=False)
    offsets = u @ w["offset_kernel"] + w["offset_bias"]
    logits = u @ w["mask_kernel"] + w["mask_bias"]
    groups = config["groups"]
    mask = jax.nn.softmax(logits.reshape(*size, groups, -1), -1)
    value = x @ w["value/kernel"] + w["value/bias"]
    y = _jax.group_sums(value, offsets, mask, groups, KERNEL)
    y = y @ w["project/kernel"] + w["project/bias"]
    return (jnp.transpose(y, (0, 3, 1, 2)) if first else y), {}


def tensorflow(w, x, *, config, training):
    """Deformable convolution v3 in TensorFlow."""
    import tensorflow as tf

    x = _tensorflow.to_last(x, config)
    *size, channels = x.shape

    def dense(z, kernel, bias):
        flat = tf.reshape(z, (-1, channels))
        y = tf.nn.bias_add(tf.matmul(flat, kernel), bias)
        return tf.reshape(y, (*size, -1))

    u = tf.nn.depthwise_conv2d(
        x,
        tf.reshape(w["depthwise/kernel"], (KERNEL, KERNEL, channels, 1)),
        (1, 1, 1, 1),
        "SAME",
    )
    u = u + w["depthwise/bias"]
    mean, variance = tf.nn.moments(u, -1, keepdims=True)
    u = tf.nn.batch_normalization(
        u, mean, variance, w["norm_beta"], w["norm_gamma"], 1e-6
    )
    u = tf.nn.gelu(u)
    offsets = dense(u, w["offset_kernel"], w["offset_bias"])
    logits = dense(u, w["mask_kernel"], w["mask_bias"])
    groups = config["groups"]
    mask = tf.nn.softmax(tf.reshape(logits, (*size, groups, KERNEL**2)))
    value = dense(x, w["value/kernel"], w["value/bias"])
    y = _tensorflow.group_sums(value, offsets, mask, groups, KERNEL)
    y = dense(y, w["project/kernel"], w["project/bias"])
    return _tensorflow.from_last(y, config)


def torch(w, x, *, config, training):
    """Deformable convolution v3 in PyTorch."""
    import torch

    functional = torch.nn.functional
    first = config["data_format"] == "channels_first"
    maps = x if first else x.permute(0, 3, 1, 2)
    x = x.permute(0, 2, 3, 1) if first else x
    *size, channels = x.shape
    u = functional.conv2d(
        maps,
        w["depthwise/kernel"],
        w["depthwise/bias"],
        padding=KERNEL // 2,
        groups=channels,
    ).permute(0, 2, 3, 1)
    u = functional.layer_norm(
        u, (channels,), w["norm_gamma"], w["norm_beta"], 1e-6
    )
    u = functional.gelu(u)
    offsets = functional.linear(u, w["offset_kernel"], w["offset_bias"])
    logits = functional.linear(u, w["mask_kernel"], w["mask_bias"])
    groups = config["groups"]
    mask = logits.reshape(*size, groups, -1).softmax(-1)
    value = functional.linear(x, w["value/kernel"], w["value/bias"])
    y = _torch.group_sums(value, offsets, mask, groups, KERNEL)
    y = functional.linear(y, w["project/kernel"], w["project/bias"])
    return y.permute(0, 3, 1, 2) if first else y
