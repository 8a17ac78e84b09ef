"""Gated channel transformation, mode L2, as code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """Gated channel transformation in JAX."""
    from jax import lax
    from jax import numpy as jnp

    epsilon = config["epsilon"]
    energy = jnp.sum(jnp.square(x), _axes.spatial(config))
    s = w["alpha"] * jnp.sqrt(energy + epsilon)
    norm = lax.rsqrt(jnp.mean(jnp.square(s), 1, keepdims=True) + epsilon)
    gate = 1 + jnp.tanh(w["gamma"] * s * norm + w["beta"])
    return x * _jax.expand_gate(gate, config), {}


def tensorflow(w, x, *, config, training):
    """Gated channel transformation in TensorFlow."""
    import tensorflow as tf

    epsilon = config["epsilon"]
    energy = tf.reduce_sum(tf.square(x), _axes.spatial(config))
    s = w["alpha"] * tf.sqrt(energy + epsilon)
    mean = tf.reduce_mean(tf.square(s), 1, keepdims=True)
    gate = w["gamma"] * s * tf.math.rsqrt(mean + epsilon) + w["beta"]
    return x * _tensorflow.expand_gate(1 + tf.tanh(gate), config)


def torch(w, x, *, config, training):
    """Gated channel transformation in PyTorch."""
    import torch

    axes = _axes.spatial(config)
    s = w["alpha"] * (x.square().sum(axes) + config["epsilon"]).sqrt()
    norm = (s.square().mean(1, keepdim=True) + config["epsilon"]).rsqrt()
    gate = 1 + torch.tanh(w["gamma"] * s * norm + w["beta"])
    return x * _torch.expand_gate(gate, config)
