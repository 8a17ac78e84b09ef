"""Glimpse network as hand-written code of each backend."""

from benchmarks.baselines import glimpse_sensor


def jax(w, images, locations, *, config, training):
    """Glimpse network in JAX."""
    import jax
    from jax import numpy as jnp

    glimpses, _ = glimpse_sensor.jax(
        w, images, locations, config=config, training=training
    )
    if config["data_format"] == "channels_first":
        glimpses = jnp.moveaxis(glimpses, 2, -1)
    pixels = glimpses.reshape(len(glimpses), -1)

    def dense(name, x):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    what = jax.nn.relu(dense("glimpse_hidden", pixels))
    where = jax.nn.relu(dense("location_hidden", locations))
    y = dense("glimpse_out", what) + dense("location_out", where)
    return jax.nn.relu(y), {}


def tensorflow(w, images, locations, *, config, training):
    """Glimpse network in TensorFlow."""
    import tensorflow as tf

    glimpses = glimpse_sensor.tensorflow(
        w, images, locations, config=config, training=training
    )
    if config["data_format"] == "channels_first":
        glimpses = tf.transpose(glimpses, (0, 1, 3, 4, 2))
    pixels = tf.reshape(glimpses, (glimpses.shape[0], -1))

    def dense(name, x):
        x = tf.matmul(x, w[f"{name}/kernel"])
        return tf.nn.bias_add(x, w[f"{name}/bias"])

    what = tf.nn.relu(dense("glimpse_hidden", pixels))
    where = tf.nn.relu(dense("location_hidden", locations))
    return tf.nn.relu(dense("glimpse_out", what) + dense("location_out", where))


def torch(w, images, locations, *, config, training):
    """Glimpse network in PyTorch."""
    import torch

    glimpses = glimpse_sensor.torch(
        w, images, locations, config=config, training=training
    )
    if config["data_format"] == "channels_first":
        glimpses = glimpses.movedim(2, -1)

    def dense(name, x):
        return torch.nn.functional.linear(
            x, w[f"{name}/kernel"], w[f"{name}/bias"]
        )

    what = torch.relu(dense("glimpse_hidden", glimpses.flatten(1)))
    where = torch.relu(dense("location_hidden", locations))
    return torch.relu(dense("glimpse_out", what) + dense("location_out", where))
