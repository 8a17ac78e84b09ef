"""Double attention as hand-written code of each backend."""


def jax(w, x, *, config, training):
    """Double attention in JAX."""
    import jax
    from jax import numpy as jnp

    last = config["data_format"] == "channels_last"
    pixels = (x if last else jnp.moveaxis(x, 1, -1)).reshape(
        len(x), -1, w["feature/kernel"].shape[0]
    )

    def dense(name, z):
        return z @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    gather = jax.nn.softmax(dense("gather", pixels), 1)
    distribute = jax.nn.softmax(dense("distribute", pixels), 2)
    z = jnp.einsum("bpk,bpc->bkc", gather, dense("feature", pixels))
    z = dense("expand", distribute @ z)
    z = z if last else z.swapaxes(1, 2)
    return x + z.reshape(x.shape), {}


def tensorflow(w, x, *, config, training):
    """Double attention in TensorFlow."""
    import tensorflow as tf

    last = config["data_format"] == "channels_last"
    w = {name: tf.convert_to_tensor(weight) for name, weight in w.items()}
    channels = w["feature/kernel"].shape[0]
    pixels = x if last else tf.transpose(x, (0, 2, 3, 1))
    pixels = tf.reshape(pixels, (x.shape[0], -1, channels))

    def dense(name, z):
        return tf.matmul(z, w[f"{name}/kernel"]) + w[f"{name}/bias"]

    gather = tf.nn.softmax(dense("gather", pixels), 1)
    distribute = tf.nn.softmax(dense("distribute", pixels), 2)
    z = tf.matmul(gather, dense("feature", pixels), transpose_a=True)
    z = dense("expand", tf.matmul(distribute, z))
    z = z if last else tf.transpose(z, (0, 2, 1))
    return x + tf.reshape(z, x.shape)


def torch(w, x, *, config, training):
    """Double attention in PyTorch."""
    import torch
    from torch.nn import functional

    last = config["data_format"] == "channels_last"
    pixels = x.flatten(1, 2) if last else x.flatten(2).mT

    def dense(name, z):
        return functional.linear(z, w[f"{name}/kernel"], w[f"{name}/bias"])

    gather = torch.softmax(dense("gather", pixels), 1)
    distribute = torch.softmax(dense("distribute", pixels), 2)
    z = gather.mT @ dense("feature", pixels)
    z = dense("expand", distribute @ z)
    return x + (z if last else z.mT).reshape(x.shape)
