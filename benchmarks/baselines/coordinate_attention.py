"""Coordinate attention as hand-written code of each backend."""

from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """Coordinate attention in JAX."""
    import jax
    from jax import numpy as jnp

    last = config["data_format"] == "channels_last"
    rows, columns = (1, 2) if last else (2, 3)
    spec = "bhwc,cd->bhwd" if last else "bchw,cd->bdhw"

    def conv(name, z):
        bias = w[f"{name}/bias"]
        z = jnp.einsum(spec, z, w[f"{name}/kernel"])
        return z + (bias if last else bias[:, None, None])

    state = {}
    of_rows = jnp.mean(x, columns, keepdims=True)
    of_columns = jnp.mean(x, rows, keepdims=True).swapaxes(rows, columns)
    z = conv("reduce", jnp.concatenate([of_rows, of_columns], rows))
    z = _jax.norm(w, "norm", z, config, training, state)
    z = z * jax.nn.relu6(z + 3) / 6
    of_rows, of_columns = jnp.split(z, [x.shape[rows]], rows)
    of_columns = of_columns.swapaxes(rows, columns)
    height = jax.nn.sigmoid(conv("expand_rows", of_rows))
    width = jax.nn.sigmoid(conv("expand_columns", of_columns))
    return x * width * height, state


def tensorflow(w, x, *, config, training):
    """Coordinate attention in TensorFlow."""
    import tensorflow as tf

    last = config["data_format"] == "channels_last"
    rows, columns = (1, 2) if last else (2, 3)
    spec = "bhwc,cd->bhwd" if last else "bchw,cd->bdhw"
    swapped = (0, 2, 1, 3) if last else (0, 1, 3, 2)

    def conv(name, z):
        z = tf.einsum(spec, z, w[f"{name}/kernel"])
        return z + _tensorflow.expand_vector(w[f"{name}/bias"], config)

    of_rows = tf.reduce_mean(x, columns, keepdims=True)
    of_columns = tf.reduce_mean(x, rows, keepdims=True)
    of_columns = tf.transpose(of_columns, swapped)
    z = conv("reduce", tf.concat([of_rows, of_columns], rows))
    z = _tensorflow.norm(w, "norm", z, config, training)
    z = z * tf.nn.relu6(z + 3) / 6
    sizes = x.shape[rows], x.shape[columns]
    of_rows, of_columns = tf.split(z, sizes, rows)
    of_columns = tf.transpose(of_columns, swapped)
    height = tf.sigmoid(conv("expand_rows", of_rows))
    width = tf.sigmoid(conv("expand_columns", of_columns))
    return x * width * height


def torch(w, x, *, config, training):
    """Coordinate attention in PyTorch."""
    import torch
    from torch.nn import functional

    last = config["data_format"] == "channels_last"
    x = x.permute(0, 3, 1, 2) if last else x
    of_rows = x.mean(3, keepdim=True)
    of_columns = x.mean(2, keepdim=True).transpose(2, 3)
    z = _torch.point(w, "reduce", torch.cat([of_rows, of_columns], 2))
    z = functional.hardswish(_torch.norm(w, "norm", z, training))
    of_rows, of_columns = z.split([x.shape[2], x.shape[3]], 2)
    height = _torch.point(w, "expand_rows", of_rows).sigmoid()
    width = _torch.point(
        w, "expand_columns", of_columns.transpose(2, 3)
    ).sigmoid()
    if last:  # in the memory order of the map
        height, width = (
            gate.contiguous(memory_format=torch.channels_last)
            for gate in (height, width)
        )
    y = x * width * height
    return y.permute(0, 2, 3, 1) if last else y
