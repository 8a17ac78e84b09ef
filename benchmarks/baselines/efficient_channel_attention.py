"""Efficient channel attention as hand-written code of each backend."""


def _spatial(config):
    """Return the spatial axes of a map."""
    return (1, 2) if config["data_format"] == "channels_last" else (2, 3)


def jax(w, x, *, config, training):
    """Efficient channel attention in JAX."""
    import jax
    from jax import numpy as jnp

    axes = _spatial(config)
    z = jnp.mean(x, axes)[..., None]
    scores = jax.lax.conv_general_dilated(
        z, w["kernel"], (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
    )
    return x * jnp.expand_dims(jax.nn.sigmoid(scores[..., 0]), axes), {}


def tensorflow(w, x, *, config, training):
    """Efficient channel attention in TensorFlow."""
    import tensorflow as tf

    axes = _spatial(config)
    z = tf.reduce_mean(x, axes)[..., None]
    gate = tf.sigmoid(tf.nn.conv1d(z, w["kernel"], 1, "SAME")[..., 0])
    for axis in axes:
        gate = tf.expand_dims(gate, axis)
    return x * gate


def torch(w, x, *, config, training):
    """Efficient channel attention in PyTorch."""
    import torch

    axes = _spatial(config)
    z = x.mean(axes).unsqueeze(1)
    scores = torch.nn.functional.conv1d(z, w["kernel"], padding="same")
    gate = scores.sigmoid().squeeze(1)
    for axis in axes:
        gate = gate.unsqueeze(axis)
    return x * gate
