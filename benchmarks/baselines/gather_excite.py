"""Gather-excite of extent 2 as hand-written code of each backend.

The context is a strided depthwise convolution with batch normalization. Sizes
of maps are even, or 1.
"""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """Gather-excite in JAX."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    state = {}
    layout = "NHWC" if config["data_format"] == "channels_last" else "NCHW"
    kernel = w["gather_0/conv/kernel"]
    z = lax.conv_general_dilated(
        x,
        kernel,
        (2, 2),
        ((1, 1), (1, 1)),
        dimension_numbers=(layout, "HWIO", layout),
        feature_group_count=kernel.shape[-1],
    )
    z = _jax.norm(w, "gather_0/norm", z, config, training, state)
    s = jax.nn.sigmoid(z)
    for axis in _axes.spatial(config):
        s = jnp.repeat(s, x.shape[axis] // s.shape[axis], axis)
    return x * s, state


def tensorflow(w, x, *, config, training):
    """Gather-excite in TensorFlow."""
    import tensorflow as tf

    # TensorFlow convolves channel by channel with the channels last only.
    last = config["data_format"] == "channels_last"
    z = x if last else tf.transpose(x, (0, 2, 3, 1))
    z = tf.nn.depthwise_conv2d(
        z,
        tf.transpose(w["gather_0/conv/kernel"], (0, 1, 3, 2)),
        (1, 2, 2, 1),
        [[0, 0], [1, 1], [1, 1], [0, 0]],
    )
    settings = {**config, "data_format": "channels_last"}
    z = _tensorflow.norm(w, "gather_0/norm", z, settings, training)
    s = tf.sigmoid(z if last else tf.transpose(z, (0, 3, 1, 2)))
    for axis in _axes.spatial(config):
        s = tf.repeat(s, x.shape[axis] // s.shape[axis], axis)
    return x * s


def torch(w, x, *, config, training):
    """Gather-excite in PyTorch."""
    from torch.nn import functional

    last = config["data_format"] == "channels_last"
    x = x.permute(0, 3, 1, 2) if last else x
    kernel = w["gather_0/conv/kernel"]
    z = functional.conv2d(x, kernel, stride=2, padding=1, groups=len(kernel))
    z = _torch.norm(w, "gather_0/norm", z, training)
    y = x * functional.interpolate(z.sigmoid(), x.shape[2:])
    return y.permute(0, 2, 3, 1) if last else y
