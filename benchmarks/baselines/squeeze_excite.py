"""Squeeze and excitation as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """Squeeze and excitation in JAX."""
    import jax
    from jax import numpy as jnp

    z = jnp.mean(x, _axes.spatial(config))
    z = jax.nn.relu(z @ w["squeeze/kernel"])
    gate = jax.nn.sigmoid(z @ w["excite/kernel"])
    return x * _jax.expand_gate(gate, config), {}


def tensorflow(w, x, *, config, training):
    """Squeeze and excitation in TensorFlow."""
    import tensorflow as tf

    z = tf.reduce_mean(x, _axes.spatial(config))
    z = tf.nn.relu(tf.matmul(z, w["squeeze/kernel"]))
    gate = tf.sigmoid(tf.matmul(z, w["excite/kernel"]))
    return x * _tensorflow.expand_gate(gate, config)


def torch(w, x, *, config, training):
    """Squeeze and excitation in PyTorch."""
    import torch

    linear = torch.nn.functional.linear
    z = x.mean(_axes.spatial(config))
    z = torch.relu(linear(z, w["squeeze/kernel"]))
    gate = torch.sigmoid(linear(z, w["excite/kernel"]))
    return x * _torch.expand_gate(gate, config)
