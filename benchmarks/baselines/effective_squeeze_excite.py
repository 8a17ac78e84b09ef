"""Effective squeeze-and-excitation as hand-written code of each backend."""


def _spatial(config):
    """Return the spatial axes of a map."""
    return (1, 2) if config["data_format"] == "channels_last" else (2, 3)


def _expand(gate, config):
    """Reshape vectors, one per sample, to broadcast with a map."""
    if config["data_format"] == "channels_last":
        return gate[:, None, None, :]
    return gate[:, :, None, None]


def jax(w, x, *, config, training):
    """Effective squeeze-and-excitation in JAX."""
    import jax
    from jax import numpy as jnp

    z = jnp.mean(x, _spatial(config))
    gate = jax.nn.hard_sigmoid(z @ w["gate/kernel"] + w["gate/bias"])
    return x * _expand(gate, config), {}


def tensorflow(w, x, *, config, training):
    """Effective squeeze-and-excitation in TensorFlow."""
    import tensorflow as tf

    z = tf.reduce_mean(x, _spatial(config))
    z = tf.matmul(z, w["gate/kernel"]) + w["gate/bias"]
    return x * _expand(tf.nn.relu6(z + 3) / 6, config)


def torch(w, x, *, config, training):
    """Effective squeeze-and-excitation in PyTorch."""
    from torch.nn import functional

    z = x.mean(_spatial(config))
    z = functional.linear(z, w["gate/kernel"], w["gate/bias"])
    return x * _expand(functional.hardsigmoid(z), config)
