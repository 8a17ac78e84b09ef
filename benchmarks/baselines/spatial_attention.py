"""Spatial attention of CBAM as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax


def jax(w, x, *, config, training):
    """Spatial attention in JAX."""
    return x * jax_gate(w, x, config), {}


def jax_gate(w, x, config, prefix=""):
    """Gate of positions in JAX."""
    import jax
    from jax import numpy as jnp

    axis = _axes.channel(config)
    d = [jnp.max(x, axis, keepdims=True), jnp.mean(x, axis, keepdims=True)]
    kernel = w[prefix + "conv/kernel"]
    scores = _jax.conv(jnp.concatenate(d, axis), kernel, config)
    return jax.nn.sigmoid(scores + w[prefix + "conv/bias"])


def tensorflow(w, x, *, config, training):
    """Spatial attention in TensorFlow."""
    return x * tensorflow_gate(w, x, config)


def tensorflow_gate(w, x, config, prefix=""):
    """Gate of positions in TensorFlow."""
    import tensorflow as tf

    axis = _axes.channel(config)
    d = [tf.reduce_max(x, axis), tf.reduce_mean(x, axis)]
    # On CPUs TensorFlow convolves channels-last maps only.
    scores = tf.nn.conv2d(
        tf.stack(d, axis=3), w[prefix + "conv/kernel"], 1, "SAME"
    )
    gate = tf.sigmoid(tf.nn.bias_add(scores, w[prefix + "conv/bias"]))
    return gate if axis == 3 else tf.expand_dims(gate[..., 0], 1)


def torch(w, x, *, config, training):
    """Spatial attention in PyTorch."""
    return x * torch_gate(w, x, config)


def torch_gate(w, x, config, prefix=""):
    """Gate of positions in PyTorch."""
    import torch

    axis = _axes.channel(config)
    kernel = w[prefix + "conv/kernel"]
    scores = torch.nn.functional.conv2d(
        torch.stack((x.amax(axis), x.mean(axis)), 1),
        kernel,
        w[prefix + "conv/bias"],
        padding=kernel.shape[-1] // 2,
    )
    gate = torch.sigmoid(scores)
    return gate[:, 0, :, :, None] if axis == 3 else gate
