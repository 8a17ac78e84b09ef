"""Spatial and channel squeeze-and-excitation, written for each backend."""


def _spatial(config):
    """Return the spatial axes of a map."""
    return (1, 2) if config["data_format"] == "channels_last" else (2, 3)


def jax(w, x, *, config, training):
    """Spatial and channel squeeze-and-excitation in JAX."""
    import jax
    from jax import numpy as jnp

    axes = _spatial(config)
    z = jnp.mean(x, axes) @ w["channel/squeeze/kernel"]
    z = jax.nn.relu(z + w["channel/squeeze/bias"])
    z = z @ w["channel/excite/kernel"] + w["channel/excite/bias"]
    if config["data_format"] == "channels_last":
        scores = x @ w["spatial/kernel"]
    else:
        scores = jnp.einsum("bchw,co->bohw", x, w["spatial/kernel"])
    spatial = jax.nn.sigmoid(scores + w["spatial/bias"])
    channel = jnp.expand_dims(jax.nn.sigmoid(z), axes)
    return x * channel + x * spatial, {}


def tensorflow(w, x, *, config, training):
    """Spatial and channel squeeze-and-excitation in TensorFlow."""
    import tensorflow as tf

    axes = _spatial(config)
    z = tf.matmul(tf.reduce_mean(x, axes), w["channel/squeeze/kernel"])
    z = tf.nn.relu(z + w["channel/squeeze/bias"])
    z = tf.matmul(z, w["channel/excite/kernel"]) + w["channel/excite/bias"]
    channel = tf.sigmoid(z)
    for axis in axes:
        channel = tf.expand_dims(channel, axis)
    if config["data_format"] == "channels_last":
        scores = tf.tensordot(x, w["spatial/kernel"], 1)
    else:
        scores = tf.einsum("bchw,co->bohw", x, w["spatial/kernel"])
    spatial = tf.sigmoid(scores + w["spatial/bias"])
    return x * channel + x * spatial


def torch(w, x, *, config, training):
    """Spatial and channel squeeze-and-excitation in PyTorch."""
    import torch
    from torch.nn import functional

    last = config["data_format"] == "channels_last"
    maps = x.permute(0, 3, 1, 2) if last else x
    z = functional.linear(
        maps.mean((2, 3)),
        w["channel/squeeze/kernel"],
        w["channel/squeeze/bias"],
    )
    z = functional.linear(
        torch.relu(z), w["channel/excite/kernel"], w["channel/excite/bias"]
    )
    kernel = w["spatial/kernel"][:, :, None, None]
    spatial = functional.conv2d(maps, kernel, w["spatial/bias"]).sigmoid()
    y = maps * z.sigmoid()[:, :, None, None] + maps * spatial
    return y.permute(0, 2, 3, 1) if last else y
