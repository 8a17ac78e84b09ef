"""Deformable convolution v4 as hand-written code of each backend.

All points are sampled by one call.
"""

from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch

KERNEL = 3


def _blocks(columns, groups):
    """Split the columns into offsets and masks, block by block."""
    points = KERNEL**2
    *size, _ = columns.shape
    used = columns[..., : 3 * groups * points]
    return (*size, groups, 3 * points), used, 2 * points


def jax(w, x, *, config, training):
    """Deformable convolution v4 in JAX."""
    first = config["data_format"] == "channels_first"
    x = x.transpose(0, 2, 3, 1) if first else x
    columns = x @ w["offset_mask_kernel"] + w["offset_mask_bias"]
    groups = config["groups"]
    shape, used, split = _blocks(columns, groups)
    blocks = used.reshape(shape)
    value = x @ w["value/kernel"] + w["value/bias"]
    y = _jax.group_sums(
        value, blocks[..., :split], blocks[..., split:], groups, KERNEL
    )
    y = y @ w["project/kernel"] + w["project/bias"]
    return (y.transpose(0, 3, 1, 2) if first else y), {}


def tensorflow(w, x, *, config, training):
    """Deformable convolution v4 in TensorFlow."""
    import tensorflow as tf

    x = _tensorflow.to_last(x, config)
    *size, channels = x.shape

    def dense(z, kernel, bias):
        flat = tf.reshape(z, (-1, channels))
        y = tf.nn.bias_add(tf.matmul(flat, kernel), bias)
        return tf.reshape(y, (*size, -1))

    columns = dense(x, w["offset_mask_kernel"], w["offset_mask_bias"])
    groups = config["groups"]
    shape, used, split = _blocks(columns, groups)
    blocks = tf.reshape(used, shape)
    value = dense(x, w["value/kernel"], w["value/bias"])
    y = _tensorflow.group_sums(
        value, blocks[..., :split], blocks[..., split:], groups, KERNEL
    )
    y = dense(y, w["project/kernel"], w["project/bias"])
    return _tensorflow.from_last(y, config)


def torch(w, x, *, config, training):
    """Deformable convolution v4 in PyTorch."""
    import torch

    linear = torch.nn.functional.linear
    first = config["data_format"] == "channels_first"
    x = x.permute(0, 2, 3, 1) if first else x
    columns = linear(x, w["offset_mask_kernel"], w["offset_mask_bias"])
    groups = config["groups"]
    shape, used, split = _blocks(columns, groups)
    blocks = used.reshape(shape)
    value = linear(x, w["value/kernel"], w["value/bias"])
    y = _torch.group_sums(
        value,
        blocks[..., :split].contiguous(),
        blocks[..., split:].contiguous(),
        groups,
        KERNEL,
    )
    y = linear(y, w["project/kernel"], w["project/bias"])
    return y.permute(0, 3, 1, 2) if first else y
