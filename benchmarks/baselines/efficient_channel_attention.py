"""Efficient channel attention as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow


def jax(w, x, *, config, training):
    """Efficient channel attention in JAX."""
    import jax
    from jax import numpy as jnp

    z = jnp.mean(x, _axes.spatial(config))[..., None]
    scores = jax.lax.conv_general_dilated(
        z, w["kernel"], (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
    )
    gate = jax.nn.sigmoid(scores[..., 0])
    return x * _jax.expand_gate(gate, config), {}


def tensorflow(w, x, *, config, training):
    """Efficient channel attention in TensorFlow."""
    import tensorflow as tf

    z = tf.reduce_mean(x, _axes.spatial(config))[..., None]
    gate = tf.sigmoid(tf.nn.conv1d(z, w["kernel"], 1, "SAME")[..., 0])
    return x * _tensorflow.expand_gate(gate, config)


def torch(w, x, *, config, training):
    """Efficient channel attention in PyTorch."""
    import torch

    axes = _axes.spatial(config)
    z = x.mean(axes).unsqueeze(1)
    scores = torch.nn.functional.conv1d(z, w["kernel"], padding="same")
    gate = scores.sigmoid().squeeze(1)
    for axis in axes:
        gate = gate.unsqueeze(axis)
    return x * gate
