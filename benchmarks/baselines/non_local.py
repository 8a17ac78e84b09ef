"""Non-local block as hand-written code of each backend."""


def jax(w, x, *, config, training):
    """Non-local block in JAX."""
    import jax
    from jax import numpy as jnp

    last = config["data_format"] == "channels_last"
    channels, hidden = w["value/kernel"].shape
    pixels = x if last else jnp.moveaxis(x, 1, -1)
    pixels = pixels.reshape(len(x), -1, channels)

    def dense(name, z):
        return z @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    scores = dense("query", pixels) @ dense("key", pixels).swapaxes(1, 2)
    weights = jax.nn.softmax(scores * hidden**-0.5, 2)
    y = dense("expand", weights @ dense("value", pixels))
    y = y if last else y.swapaxes(1, 2)
    return y.reshape(x.shape) + x, {}


def tensorflow(w, x, *, config, training):
    """Non-local block in TensorFlow."""
    import tensorflow as tf

    last = config["data_format"] == "channels_last"
    w = {name: tf.convert_to_tensor(weight) for name, weight in w.items()}
    channels, hidden = w["value/kernel"].shape
    pixels = x if last else tf.transpose(x, (0, 2, 3, 1))
    pixels = tf.reshape(pixels, (x.shape[0], -1, channels))

    def dense(name, z):
        return tf.matmul(z, w[f"{name}/kernel"]) + w[f"{name}/bias"]

    query, key = dense("query", pixels), dense("key", pixels)
    scores = tf.matmul(query, key, transpose_b=True) * hidden**-0.5
    y = tf.matmul(tf.nn.softmax(scores), dense("value", pixels))
    y = dense("expand", y)
    y = y if last else tf.transpose(y, (0, 2, 1))
    return tf.reshape(y, x.shape) + x


def torch(w, x, *, config, training):
    """Non-local block in PyTorch."""
    import torch
    from torch.nn import functional

    last = config["data_format"] == "channels_last"
    hidden = len(w["query/bias"])
    pixels = x.flatten(1, 2) if last else x.flatten(2).mT

    def dense(name, z):
        return functional.linear(z, w[f"{name}/kernel"], w[f"{name}/bias"])

    query, key, value = (
        dense(name, pixels) for name in ("query", "key", "value")
    )
    weights = torch.softmax(query @ key.mT * hidden**-0.5, 2)
    y = dense("expand", weights @ value)
    return x + (y if last else y.mT).reshape(x.shape)
