"""Position attention as hand-written code of each backend."""


def jax(w, x, *, config, training):
    """Position attention in JAX."""
    import jax
    from jax import numpy as jnp

    last = config["data_format"] == "channels_last"
    channels = w["value/kernel"].shape[0]
    pixels = x if last else jnp.moveaxis(x, 1, -1)
    pixels = pixels.reshape(len(x), -1, channels)

    def dense(name):
        return pixels @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    scores = dense("query") @ dense("key").swapaxes(1, 2)
    y = jax.nn.softmax(scores, 2) @ dense("value")
    y = y if last else y.swapaxes(1, 2)
    return w["gamma"] * y.reshape(x.shape) + x, {}


def tensorflow(w, x, *, config, training):
    """Position attention in TensorFlow."""
    import tensorflow as tf

    last = config["data_format"] == "channels_last"
    w = {name: tf.convert_to_tensor(weight) for name, weight in w.items()}
    channels = w["value/kernel"].shape[0]
    pixels = x if last else tf.transpose(x, (0, 2, 3, 1))
    pixels = tf.reshape(pixels, (x.shape[0], -1, channels))

    def dense(name):
        return tf.matmul(pixels, w[f"{name}/kernel"]) + w[f"{name}/bias"]

    scores = tf.matmul(dense("query"), dense("key"), transpose_b=True)
    y = tf.matmul(tf.nn.softmax(scores), dense("value"))
    y = y if last else tf.transpose(y, (0, 2, 1))
    return w["gamma"] * tf.reshape(y, x.shape) + x


def torch(w, x, *, config, training):
    """Position attention in PyTorch."""
    import torch
    from torch.nn import functional

    last = config["data_format"] == "channels_last"
    pixels = x.flatten(1, 2) if last else x.flatten(2).mT
    query, key, value = (
        functional.linear(pixels, w[f"{name}/kernel"], w[f"{name}/bias"])
        for name in ("query", "key", "value")
    )
    y = torch.softmax(query @ key.mT, 2) @ value
    y = (y if last else y.mT).reshape(x.shape)
    return torch.addcmul(x, w["gamma"], y)
