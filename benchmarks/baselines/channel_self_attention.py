"""Channel self-attention as hand-written code of each backend."""


def jax(w, x, *, config, training):
    """Channel self-attention in JAX."""
    import jax
    from jax import numpy as jnp

    last = config["data_format"] == "channels_last"
    if last:
        pixels = x.reshape(len(x), -1, x.shape[3])
        scores = jnp.einsum("bpc,bpd->bcd", pixels, pixels)
    else:
        pixels = x.reshape(*x.shape[:2], -1)
        scores = pixels @ pixels.swapaxes(1, 2)
    attention = jax.nn.softmax(-scores, 2)
    spec = "bpd,bcd->bpc" if last else "bdp,bcd->bcp"
    y = jnp.einsum(spec, pixels, attention).reshape(x.shape)
    return w["gamma"] * y + x, {}


def tensorflow(w, x, *, config, training):
    """Channel self-attention in TensorFlow."""
    import tensorflow as tf

    last = config["data_format"] == "channels_last"
    if last:
        pixels = tf.reshape(x, (x.shape[0], -1, x.shape[3]))
        scores = tf.matmul(pixels, pixels, transpose_a=True)
        attention = tf.nn.softmax(-scores)
        y = tf.matmul(pixels, attention, transpose_b=True)
    else:
        pixels = tf.reshape(x, (*x.shape[:2], -1))
        scores = tf.matmul(pixels, pixels, transpose_b=True)
        y = tf.matmul(tf.nn.softmax(-scores), pixels)
    return w["gamma"] * tf.reshape(y, x.shape) + x


def torch(w, x, *, config, training):
    """Channel self-attention in PyTorch."""
    import torch

    last = config["data_format"] == "channels_last"
    rows = x.flatten(1, 2).mT if last else x.flatten(2)
    y = torch.softmax(-(rows @ rows.mT), 2) @ rows
    y = (y.mT if last else y).reshape(x.shape)
    return torch.addcmul(x, w["gamma"], y)
