"""The Gaussian context transformer as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """The Gaussian context transformer in JAX."""
    from jax import numpy as jnp

    z = jnp.mean(x.astype("float32"), _axes.spatial(config))
    z = z - jnp.mean(z, 1, keepdims=True)
    variance = jnp.mean(jnp.square(z), 1, keepdims=True)
    exponent = -config["width"] / 2 / (variance + config["epsilon"])
    gate = jnp.exp(jnp.square(z) * exponent)
    return x * _jax.expand_gate(gate, config).astype(x.dtype), {}


def tensorflow(w, x, *, config, training):
    """The Gaussian context transformer in TensorFlow."""
    import tensorflow as tf

    z = tf.reduce_mean(x, _axes.spatial(config))
    z = z - tf.reduce_mean(z, 1, keepdims=True)
    variance = tf.reduce_mean(tf.square(z), 1, keepdims=True)
    exponent = -config["width"] / 2 / (variance + config["epsilon"])
    return x * _tensorflow.expand_gate(tf.exp(tf.square(z) * exponent), config)


def torch(w, x, *, config, training):
    """The Gaussian context transformer in PyTorch."""
    import torch

    z = x.mean(_axes.spatial(config), dtype=torch.float32)
    z = torch.layer_norm(z, z.shape[1:], eps=config["epsilon"])
    gate = (z.square() * (-config["width"] / 2)).exp()
    return x * _torch.expand_gate(gate, config).to(x.dtype)
