"""Spatial transformer as hand-written code of each backend.

The localization network is global average pooling.
"""

from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow


def jax(w, x, *, config, training):
    """Spatial transformer in JAX."""
    from jax import numpy as jnp

    first = config["data_format"] == "channels_first"
    x = x.transpose(0, 2, 3, 1) if first else x
    _, height, width, _ = x.shape
    theta = x.mean((1, 2)) @ w["kernel"] + w["bias"]
    theta = theta.reshape(-1, 2, 3)
    u = jnp.linspace(-1, 1, width) if width > 1 else jnp.zeros(1)
    v = jnp.linspace(-1, 1, height) if height > 1 else jnp.zeros(1)
    v, u = jnp.meshgrid(v, u, indexing="ij")
    locations = jnp.stack([u, v, jnp.ones_like(u)], -1)
    grid = jnp.einsum("hwk,bck->bchw", locations, theta)
    y = _jax.bilinear(
        x,
        (grid[:, 1] + 1) / 2 * (height - 1),
        (grid[:, 0] + 1) / 2 * (width - 1),
    )
    return y.transpose(0, 3, 1, 2) if first else y, {}


def tensorflow(w, x, *, config, training):
    """Spatial transformer in TensorFlow."""
    import tensorflow as tf

    x = _tensorflow.to_last(x, config)
    _, height, width, _ = x.shape
    theta = tf.matmul(tf.reduce_mean(x, (1, 2)), w["kernel"]) + w["bias"]
    theta = tf.reshape(theta, (-1, 2, 3))
    u = tf.linspace(-1.0, 1.0, width) if width > 1 else tf.zeros(1)
    v = tf.linspace(-1.0, 1.0, height) if height > 1 else tf.zeros(1)
    u, v = tf.meshgrid(u, v)
    locations = tf.stack([u, v, tf.ones_like(u)], -1)
    grid = tf.einsum("hwk,bck->bchw", locations, theta)
    y = _tensorflow.bilinear(
        x,
        (grid[:, 1] + 1) / 2 * (height - 1),
        (grid[:, 0] + 1) / 2 * (width - 1),
    )
    return _tensorflow.from_last(y, config)


def torch(w, x, *, config, training):
    """Spatial transformer in PyTorch."""
    import torch

    functional = torch.nn.functional
    first = config["data_format"] == "channels_first"
    z = x.mean((2, 3) if first else (1, 2))
    theta = functional.linear(z, w["kernel"], w["bias"]).view(-1, 2, 3)
    x = x if first else x.permute(0, 3, 1, 2)
    grid = functional.affine_grid(theta, x.shape, align_corners=True)
    y = functional.grid_sample(x, grid, align_corners=True)
    return y if first else y.permute(0, 2, 3, 1)
