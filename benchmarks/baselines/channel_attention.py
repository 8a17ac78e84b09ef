"""Channel attention of CBAM as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """Channel attention in JAX."""
    return x * jax_gate(w, x, config), {}


def jax_gate(w, x, config, prefix=""):
    """Gate of channels in JAX."""
    import jax
    from jax import numpy as jnp

    def mlp(z):
        z = z @ w[prefix + "squeeze/kernel"] + w[prefix + "squeeze/bias"]
        z = jax.nn.relu(z) @ w[prefix + "excite/kernel"]
        return z + w[prefix + "excite/bias"]

    axes = _axes.spatial(config)
    gate = mlp(jnp.mean(x, axes)) + mlp(jnp.max(x, axes))
    return _jax.expand_gate(jax.nn.sigmoid(gate), config)


def tensorflow(w, x, *, config, training):
    """Channel attention in TensorFlow."""
    return x * tensorflow_gate(w, x, config)


def tensorflow_gate(w, x, config, prefix=""):
    """Gate of channels in TensorFlow."""
    import tensorflow as tf

    def mlp(z):
        z = tf.matmul(z, w[prefix + "squeeze/kernel"])
        z = tf.nn.relu(tf.nn.bias_add(z, w[prefix + "squeeze/bias"]))
        z = tf.matmul(z, w[prefix + "excite/kernel"])
        return tf.nn.bias_add(z, w[prefix + "excite/bias"])

    axes = _axes.spatial(config)
    mean, largest = tf.reduce_mean(x, axes), tf.reduce_max(x, axes)
    gate = mlp(mean) + mlp(largest)
    return _tensorflow.expand_gate(tf.sigmoid(gate), config)


def torch(w, x, *, config, training):
    """Channel attention in PyTorch."""
    return x * torch_gate(w, x, config)


def torch_gate(w, x, config, prefix=""):
    """Gate of channels in PyTorch."""
    import torch

    def dense(name, z):
        return torch.nn.functional.linear(
            z, w[f"{prefix}{name}/kernel"], w[f"{prefix}{name}/bias"]
        )

    def mlp(z):
        return dense("excite", torch.relu(dense("squeeze", z)))

    axes = _axes.spatial(config)
    gate = mlp(x.mean(axes)) + mlp(x.amax(axes))
    return _torch.expand_gate(torch.sigmoid(gate), config)
