"""Effective squeeze-and-excitation as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """Effective squeeze-and-excitation in JAX."""
    import jax
    from jax import numpy as jnp

    z = jnp.mean(x, _axes.spatial(config))
    gate = jax.nn.hard_sigmoid(z @ w["gate/kernel"] + w["gate/bias"])
    return x * _jax.expand_gate(gate, config), {}


def tensorflow(w, x, *, config, training):
    """Effective squeeze-and-excitation in TensorFlow."""
    import tensorflow as tf

    z = tf.reduce_mean(x, _axes.spatial(config))
    z = tf.matmul(z, w["gate/kernel"]) + w["gate/bias"]
    return x * _tensorflow.expand_gate(tf.nn.relu6(z + 3) / 6, config)


def torch(w, x, *, config, training):
    """Effective squeeze-and-excitation in PyTorch."""
    from torch.nn import functional

    z = x.mean(_axes.spatial(config))
    z = functional.linear(z, w["gate/kernel"], w["gate/bias"])
    return x * _torch.expand_gate(functional.hardsigmoid(z), config)
