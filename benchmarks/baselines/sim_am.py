"""SimAM as hand-written code of each backend."""

from benchmarks.baselines import _axes


def jax(w, x, *, config, training):
    """SimAM in JAX."""
    import jax
    from jax import numpy as jnp

    axes = _axes.spatial(config)
    x32 = x.astype("float32")
    d = jnp.square(x32 - jnp.mean(x32, axes, keepdims=True))
    n = max(x.shape[axes[0]] * x.shape[axes[1]] - 1, 1)
    variance = jnp.sum(d, axes, keepdims=True) / n
    energy = d / (4 * (variance + config["regularization"])) + 0.5
    return x * jax.nn.sigmoid(energy).astype(x.dtype), {}


def tensorflow(w, x, *, config, training):
    """SimAM in TensorFlow."""
    import tensorflow as tf

    axes = _axes.spatial(config)
    d = tf.square(x - tf.reduce_mean(x, axes, keepdims=True))
    n = max(x.shape[axes[0]] * x.shape[axes[1]] - 1, 1)
    variance = tf.reduce_sum(d, axes, keepdims=True) / n
    energy = d / (4 * (variance + config["regularization"])) + 0.5
    return x * tf.sigmoid(energy)


def torch(w, x, *, config, training):
    """SimAM in PyTorch."""
    axes = _axes.spatial(config)
    x32 = x.float()
    d = (x32 - x32.mean(axes, keepdim=True)).square()
    n = max(x.shape[axes[0]] * x.shape[axes[1]] - 1, 1)
    variance = d.sum(axes, keepdim=True) / n
    energy = d / (4 * (variance + config["regularization"])) + 0.5
    return x * energy.sigmoid().to(x.dtype)
