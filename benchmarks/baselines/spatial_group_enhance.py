"""Spatial group-wise enhance as hand-written code of each backend."""


def jax(w, x, *, config, training):
    """Spatial group-wise enhance in JAX."""
    import jax
    from jax import numpy as jnp

    size, groups = x.shape, config["groups"]
    if config["data_format"] == "channels_last":
        x = x.reshape(size[0], size[1] * size[2], groups, -1)
        channels, positions = 3, 1
        gamma, beta = w["gamma"][:, None], w["beta"][:, None]
    else:
        x = x.reshape(size[0], groups, -1, size[2] * size[3])
        channels, positions = 2, 3
        gamma, beta = w["gamma"][:, None, None], w["beta"][:, None, None]
    mean = jnp.mean(x, positions, keepdims=True)
    t = jnp.sum(x * mean, channels, keepdims=True)
    t = t - jnp.mean(t, positions, keepdims=True)
    squares = jnp.sum(jnp.square(t), positions, keepdims=True)
    variance = squares / max(t.shape[positions] - 1, 1)
    t = t / (jnp.sqrt(jnp.maximum(variance, 1e-30)) + config["epsilon"])
    return (x * jax.nn.sigmoid(gamma * t + beta)).reshape(size), {}


def tensorflow(w, x, *, config, training):
    """Spatial group-wise enhance in TensorFlow."""
    import tensorflow as tf

    size, groups = x.shape, config["groups"]
    if config["data_format"] == "channels_last":
        x = tf.reshape(x, (size[0], size[1] * size[2], groups, -1))
        channels, positions = 3, 1
        gamma, beta = w["gamma"][:, None], w["beta"][:, None]
    else:
        x = tf.reshape(x, (size[0], groups, -1, size[2] * size[3]))
        channels, positions = 2, 3
        gamma, beta = w["gamma"][:, None, None], w["beta"][:, None, None]
    mean = tf.reduce_mean(x, positions, keepdims=True)
    t = tf.reduce_sum(x * mean, channels, keepdims=True)
    t = t - tf.reduce_mean(t, positions, keepdims=True)
    squares = tf.reduce_sum(tf.square(t), positions, keepdims=True)
    variance = squares / max(t.shape[positions] - 1, 1)
    t = t / (tf.sqrt(tf.maximum(variance, 1e-30)) + config["epsilon"])
    return tf.reshape(x * tf.sigmoid(gamma * t + beta), size)


def torch(w, x, *, config, training):
    """Spatial group-wise enhance in PyTorch."""
    import torch

    size, groups = x.shape, config["groups"]
    if config["data_format"] == "channels_last":
        x = x.view(size[0], size[1] * size[2], groups, -1)
        channels, positions = 3, 1
        gamma, beta = w["gamma"][:, None], w["beta"][:, None]
    else:
        x = x.view(size[0], groups, -1, size[2] * size[3])
        channels, positions = 2, 3
        gamma, beta = w["gamma"][:, None, None], w["beta"][:, None, None]
    mean = x.mean(positions, keepdim=True)
    t = (x * mean).sum(channels, keepdim=True)
    t = t - t.mean(positions, keepdim=True)
    squares = t.square().sum(positions, keepdim=True)
    variance = squares / max(t.shape[positions] - 1, 1)
    t = t / (variance.clamp(1e-30).sqrt() + config["epsilon"])
    return (x * torch.sigmoid(gamma * t + beta)).view(size)
