"""Multi-scale channel attention as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """Multi-scale channel attention in JAX."""
    state = {}
    return x * jax_weights(w, "", x, config, training, state), state


def jax_weights(w, prefix, x, config, training, state):
    """Weights of multi-scale channel attention in JAX."""
    import jax
    from jax import numpy as jnp

    def context(name, x):
        for part in ("reduce", "expand"):
            x = jax.nn.relu(x) if part == "expand" else x
            kernel = w[f"{name}/{part}/kernel"][None, None]
            x = _jax.conv(x, kernel, config)
            x = x + _jax.expand_vector(w[f"{name}/{part}/bias"], x, config)
            norm = f"{name}/{part}_norm"
            x = _jax.norm(w, norm, x, config, training, state)
        return x

    local = context(f"{prefix}local_context", x)
    pooled = jnp.mean(x, _axes.spatial(config), keepdims=True)
    pooled = context(f"{prefix}global_context", pooled)
    return jax.nn.sigmoid(local + pooled)


def tensorflow(w, x, *, config, training):
    """Multi-scale channel attention in TensorFlow."""
    return x * tensorflow_weights(w, "", x, config, training)


def tensorflow_weights(w, prefix, x, config, training):
    """Weights of multi-scale channel attention in TensorFlow."""
    import tensorflow as tf

    def context(name, x):
        for part in ("reduce", "expand"):
            x = tf.nn.relu(x) if part == "expand" else x
            kernel = tf.convert_to_tensor(w[f"{name}/{part}/kernel"])
            x = _tensorflow.conv(x, kernel[None, None], config)
            bias = w[f"{name}/{part}/bias"]
            x = x + _tensorflow.expand_vector(bias, config)
            norm = f"{name}/{part}_norm"
            x = _tensorflow.norm(w, norm, x, config, training)
        return x

    local = context(f"{prefix}local_context", x)
    pooled = tf.reduce_mean(x, _axes.spatial(config), keepdims=True)
    pooled = context(f"{prefix}global_context", pooled)
    return tf.sigmoid(local + pooled)


def torch(w, x, *, config, training):
    """Multi-scale channel attention in PyTorch."""
    return x * torch_weights(w, "", x, config, training)


def torch_weights(w, prefix, x, config, training):
    """Weights of multi-scale channel attention in PyTorch."""
    import torch

    def context(name, x):
        z = _torch.point(w, f"{name}/reduce", x)
        z = torch.relu_(_torch.norm(w, f"{name}/reduce_norm", z, training))
        z = _torch.point(w, f"{name}/expand", z)
        return _torch.norm(w, f"{name}/expand_norm", z, training)

    last = config["data_format"] == "channels_last"
    x = x.permute(0, 3, 1, 2) if last else x
    local = context(f"{prefix}local_context", x)
    pooled = x.mean((2, 3), keepdim=True)
    pooled = context(f"{prefix}global_context", pooled)
    weights = torch.sigmoid(local + pooled)
    return weights.permute(0, 2, 3, 1) if last else weights
