"""Global response normalization as hand-written code of each backend."""

from benchmarks.baselines import _axes


def _shape(config):
    """Return the shape of a vector of channels that broadcasts with a map."""
    return (-1,) if config["data_format"] == "channels_last" else (-1, 1, 1)


def jax(w, x, *, config, training):
    """Global response normalization in JAX."""
    from jax import numpy as jnp

    axes, channel = _axes.spatial(config), _axes.channel(config)
    x32 = x.astype("float32")
    # The derivative of the root would be infinite at zero.
    g = jnp.sqrt(jnp.sum(x32 * x32, axes, keepdims=True) + 1e-30)
    n = g / (jnp.mean(g, channel, keepdims=True) + config["epsilon"])
    gamma, beta = (
        w[name].reshape(_shape(config)) for name in ("gamma", "beta")
    )
    return x * (1 + gamma * n).astype(x.dtype) + beta.astype(x.dtype), {}


def tensorflow(w, x, *, config, training):
    """Global response normalization in TensorFlow."""
    import tensorflow as tf

    axes, channel = _axes.spatial(config), _axes.channel(config)
    g = tf.sqrt(tf.reduce_sum(tf.square(x), axes, keepdims=True) + 1e-30)
    n = g / (tf.reduce_mean(g, channel, keepdims=True) + config["epsilon"])
    gamma, beta = (
        tf.reshape(w[name], _shape(config)) for name in ("gamma", "beta")
    )
    return x * (1 + gamma * n) + beta


def torch(w, x, *, config, training):
    """Global response normalization in PyTorch."""
    import torch

    axes, channel = _axes.spatial(config), _axes.channel(config)
    g = torch.linalg.vector_norm(x, dim=axes, keepdim=True, dtype=torch.float32)
    n = g / (g.mean(channel, keepdim=True) + config["epsilon"])
    gamma, beta = (w[name].view(_shape(config)) for name in ("gamma", "beta"))
    return torch.addcmul(beta, x, (1 + gamma * n).to(x.dtype))
