"""Shuffle attention as hand-written code of each backend."""


def _sizes(x, config):
    """Return sizes of a map of groups, and its axes of halves and positions."""
    batch, *sizes = x.shape
    groups = config["groups"]
    if config["data_format"] == "channels_last":
        height, width, channels = sizes
        split = (groups, 2, channels // groups // 2)
        return (batch, height * width, *split), 3, 1
    channels, height, width = sizes
    split = (groups, 2, channels // groups // 2)
    return (batch, *split, height * width), 2, 4


def jax(w, x, *, config, training):
    """Shuffle attention in JAX."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    sizes, half, axis = _sizes(x, config)
    last = half == 3
    w = {name: v if last else v[:, None] for name, v in w.items()}
    z = x.reshape(sizes)
    u, v = (lax.index_in_dim(z, i, half, keepdims=False) for i in (0, 1))
    axis -= axis > half
    mean = jnp.mean(u, axis, keepdims=True)
    a = jax.nn.sigmoid(w["channel_weight"] * mean + w["channel_bias"])
    mean = jnp.mean(v, axis, keepdims=True)
    variance = jnp.mean(jnp.square(v - mean), axis, keepdims=True)
    z = (v - mean) * lax.rsqrt(variance + config["epsilon"])
    z = w["gamma"] * z + w["beta"]
    q = jax.nn.sigmoid(w["spatial_weight"] * z + w["spatial_bias"])
    z = jnp.stack([u * a, v * q], half)
    if last:
        z = z.reshape(*sizes[:2], 2, -1).swapaxes(2, 3)
    else:
        z = z.reshape(sizes[0], 2, -1, sizes[4]).swapaxes(1, 2)
    return z.reshape(x.shape), {}


def tensorflow(w, x, *, config, training):
    """Shuffle attention in TensorFlow."""
    import tensorflow as tf

    sizes, half, axis = _sizes(x, config)
    last = half == 3
    w = {name: tf.convert_to_tensor(v) for name, v in w.items()}
    w = {name: v if last else v[:, None] for name, v in w.items()}
    u, v = tf.unstack(tf.reshape(x, sizes), axis=half)
    axis -= axis > half
    mean = tf.reduce_mean(u, axis, keepdims=True)
    a = tf.sigmoid(w["channel_weight"] * mean + w["channel_bias"])
    mean, variance = tf.nn.moments(v, (axis,), keepdims=True)
    z = (v - mean) * tf.math.rsqrt(variance + config["epsilon"])
    z = w["gamma"] * z + w["beta"]
    q = tf.sigmoid(w["spatial_weight"] * z + w["spatial_bias"])
    z = tf.stack([u * a, v * q], half)
    if last:
        z = tf.reshape(z, (*sizes[:2], 2, -1))
        z = tf.transpose(z, (0, 1, 3, 2))
    else:
        z = tf.reshape(z, (sizes[0], 2, -1, sizes[4]))
        z = tf.transpose(z, (0, 2, 1, 3))
    return tf.reshape(z, x.shape)


def torch(w, x, *, config, training):
    """Shuffle attention in PyTorch."""
    import torch

    sizes, half, axis = _sizes(x, config)
    last = half == 3
    w = {name: v if last else v[:, None] for name, v in w.items()}
    u, v = x.reshape(sizes).unbind(half)
    axis -= axis > half
    mean = u.mean(axis, keepdim=True)
    a = torch.addcmul(w["channel_bias"], w["channel_weight"], mean).sigmoid()
    variance, mean = torch.var_mean(v, axis, correction=0, keepdim=True)
    scale = torch.rsqrt(variance + config["epsilon"])
    scale = w["spatial_weight"] * w["gamma"] * scale
    shift = w["spatial_weight"] * w["beta"] + w["spatial_bias"]
    q = torch.addcmul(shift, v - mean, scale).sigmoid()
    z = torch.stack([u * a, v * q], half)
    if last:
        z = z.view(*sizes[:2], 2, -1).transpose(2, 3)
    else:
        z = z.view(sizes[0], 2, -1, sizes[4]).transpose(1, 2)
    return z.reshape(x.shape)
