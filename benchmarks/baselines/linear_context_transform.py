"""The linear context transform as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """The linear context transform in JAX."""
    import jax
    from jax import numpy as jnp

    z = jnp.mean(x.astype("float32"), _axes.spatial(config))
    z = z.reshape(len(z), config["groups"], -1)
    z = z - jnp.mean(z, 2, keepdims=True)
    variance = jnp.mean(jnp.square(z), 2, keepdims=True)
    z = z * jax.lax.rsqrt(variance + config["epsilon"])
    gate = jax.nn.sigmoid(w["gamma"] * z.reshape(len(z), -1) + w["beta"])
    return x * _jax.expand_gate(gate, config).astype(x.dtype), {}


def tensorflow(w, x, *, config, training):
    """The linear context transform in TensorFlow."""
    import tensorflow as tf

    z = tf.reduce_mean(x, _axes.spatial(config))
    channels = z.shape[1]
    groups = config["groups"]
    z = tf.reshape(z, (-1, groups, channels // groups))
    z = z - tf.reduce_mean(z, 2, keepdims=True)
    variance = tf.reduce_mean(tf.square(z), 2, keepdims=True)
    z = z * tf.math.rsqrt(variance + config["epsilon"])
    gate = tf.sigmoid(w["gamma"] * tf.reshape(z, (-1, channels)) + w["beta"])
    return x * _tensorflow.expand_gate(gate, config)


def torch(w, x, *, config, training):
    """The linear context transform in PyTorch."""
    import torch
    from torch.nn import functional

    z = x.mean(_axes.spatial(config), dtype=torch.float32)
    z = functional.group_norm(
        z,
        config["groups"],
        w["gamma"].float(),
        w["beta"].float(),
        config["epsilon"],
    )
    return x * _torch.expand_gate(z.sigmoid(), config).to(x.dtype)
