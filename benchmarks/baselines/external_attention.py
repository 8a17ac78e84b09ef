"""External attention as hand-written code of each backend."""

from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """External attention in JAX."""
    import jax
    from jax import numpy as jnp

    last = config["data_format"] == "channels_last"
    state = {}
    pixels = x if last else jnp.moveaxis(x, 1, -1)
    z = pixels @ w["project/kernel"] + w["project/bias"]
    slots = z.reshape(len(x), -1, z.shape[3]) @ w["memory_key/kernel"]
    slots = jax.nn.softmax(slots, 1)
    slots = slots / (config["epsilon"] + jnp.sum(slots, 2, keepdims=True))
    z = (slots @ w["memory_value/kernel"]) @ w["expand/kernel"]
    z = z.reshape(pixels.shape)
    z = z if last else jnp.moveaxis(z, -1, 1)
    z = _jax.norm(w, "norm", z, config, training, state)
    return jax.nn.relu(z + x), state


def tensorflow(w, x, *, config, training):
    """External attention in TensorFlow."""
    import tensorflow as tf

    last = config["data_format"] == "channels_last"
    kernels = {
        name: tf.convert_to_tensor(weight)
        for name, weight in w.items()
        if not name.startswith("norm")
    }
    channels = kernels["project/kernel"].shape[0]
    pixels = x if last else tf.transpose(x, (0, 2, 3, 1))
    z = tf.reshape(pixels, (x.shape[0], -1, channels))
    z = tf.matmul(z, kernels["project/kernel"]) + kernels["project/bias"]
    slots = tf.nn.softmax(tf.matmul(z, kernels["memory_key/kernel"]), 1)
    total = tf.reduce_sum(slots, 2, keepdims=True)
    slots = slots / (config["epsilon"] + total)
    z = tf.matmul(slots, kernels["memory_value/kernel"])
    z = tf.matmul(z, kernels["expand/kernel"])
    z = tf.reshape(z, pixels.shape)
    z = z if last else tf.transpose(z, (0, 3, 1, 2))
    z = _tensorflow.norm(w, "norm", z, config, training)
    return tf.nn.relu(z + x)


def torch(w, x, *, config, training):
    """External attention in PyTorch."""
    import torch
    from torch.nn import functional

    last = config["data_format"] == "channels_last"
    pixels = x.flatten(1, 2) if last else x.flatten(2).mT
    z = functional.linear(pixels, w["project/kernel"], w["project/bias"])
    slots = torch.softmax(functional.linear(z, w["memory_key/kernel"]), 1)
    slots = slots / (config["epsilon"] + slots.sum(2, keepdim=True))
    z = functional.linear(slots, w["memory_value/kernel"])
    z = functional.linear(z, w["expand/kernel"]).mT
    maps = x.permute(0, 3, 1, 2) if last else x
    z = _torch.norm(w, "norm", z.reshape(maps.shape), training)
    y = torch.relu(z + maps)
    return y.permute(0, 2, 3, 1) if last else y
