"""Style-based recalibration as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def _samples(x, axes):
    """Return the divisor of an unbiased variance."""
    return max(x.shape[axes[0]] * x.shape[axes[1]] - 1, 1)


def jax(w, x, *, config, training):
    """Style-based recalibration in JAX."""
    import jax
    from jax import numpy as jnp

    axes = _axes.spatial(config)
    x32 = x.astype("float32")
    mean = jnp.mean(x32, axes, keepdims=True)
    squares = jnp.sum(jnp.square(x32 - mean), axes)
    deviation = jnp.sqrt(squares / _samples(x, axes) + config["epsilon"])
    kernel = w["kernel"]
    z = kernel[:, 0] * jnp.squeeze(mean, axes) + kernel[:, 1] * deviation
    state = {}
    z = _jax.norm(w, "norm", z, config, training, state)
    gate = jax.nn.sigmoid(z)
    return x * _jax.expand_gate(gate, config).astype(x.dtype), state


def tensorflow(w, x, *, config, training):
    """Style-based recalibration in TensorFlow."""
    import tensorflow as tf

    axes = _axes.spatial(config)
    mean = tf.reduce_mean(x, axes, keepdims=True)
    squares = tf.reduce_sum(tf.square(x - mean), axes)
    deviation = tf.sqrt(squares / _samples(x, axes) + config["epsilon"])
    kernel = tf.convert_to_tensor(w["kernel"])
    z = kernel[:, 0] * tf.squeeze(mean, axes) + kernel[:, 1] * deviation
    z = _tensorflow.norm(w, "norm", z, config, training, vectors=True)
    return x * _tensorflow.expand_gate(tf.sigmoid(z), config)


def torch(w, x, *, config, training):
    """Style-based recalibration in PyTorch."""
    axes = _axes.spatial(config)
    x32 = x.float()
    mean = x32.mean(axes, keepdim=True)
    squares = (x32 - mean).square().sum(axes)
    deviation = (squares / _samples(x, axes) + config["epsilon"]).sqrt()
    kernel = w["kernel"]
    z = kernel[0] * mean.squeeze(axes) + kernel[1] * deviation
    z = _torch.norm(w, "norm", z, training)
    return x * _torch.expand_gate(z.sigmoid(), config).to(x.dtype)
