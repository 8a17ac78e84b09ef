"""Global context that is added, as hand-written code of each backend."""

from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def _is_last(config):
    return config["data_format"] == "channels_last"


def jax(w, x, *, config, training):
    """The global context block in JAX."""
    import jax
    from jax import numpy as jnp

    x32 = x.astype("float32")
    batch, channels = len(x), w["mask/kernel"].shape[0]
    if _is_last(config):
        pixels = x32.reshape(batch, -1, channels)
        logits = pixels @ w["mask/kernel"][:, 0] + w["mask/bias"]
        context = jnp.einsum("bpc,bp->bc", pixels, jax.nn.softmax(logits, 1))
    else:
        pixels = x32.reshape(batch, channels, -1)
        logits = w["mask/kernel"][:, 0] @ pixels + w["mask/bias"]
        context = jnp.einsum("bcp,bp->bc", pixels, jax.nn.softmax(logits, 1))
    z = context @ w["add/reduce/kernel"] + w["add/reduce/bias"]
    z = z - jnp.mean(z, 1, keepdims=True)
    variance = jnp.mean(jnp.square(z), 1, keepdims=True)
    z = w["add/gamma"] * z * jax.lax.rsqrt(variance + 1e-5) + w["add/beta"]
    term = jax.nn.relu(z) @ w["add/expand/kernel"] + w["add/expand/bias"]
    return x + _jax.expand_gate(term, config).astype(x.dtype), {}


def tensorflow(w, x, *, config, training):
    """The global context block in TensorFlow."""
    import tensorflow as tf

    batch, channels = x.shape[0], w["mask/kernel"].shape[0]
    last = _is_last(config)
    size = (batch, -1, channels) if last else (batch, channels, -1)
    pixels = tf.reshape(x, size)
    mask = tf.convert_to_tensor(w["mask/kernel"])
    if last:
        logits = tf.matmul(pixels, mask)[:, :, 0] + w["mask/bias"]
    else:
        logits = (
            tf.matmul(mask, pixels, transpose_a=True)[:, 0] + w["mask/bias"]
        )
    weights = tf.nn.softmax(logits)[:, None]
    context = tf.matmul(weights, pixels, transpose_b=not last)[:, 0]
    z = tf.matmul(context, w["add/reduce/kernel"]) + w["add/reduce/bias"]
    z = z - tf.reduce_mean(z, 1, keepdims=True)
    variance = tf.reduce_mean(tf.square(z), 1, keepdims=True)
    z = w["add/gamma"] * z * tf.math.rsqrt(variance + 1e-5) + w["add/beta"]
    z = tf.matmul(tf.nn.relu(z), w["add/expand/kernel"]) + w["add/expand/bias"]
    return x + _tensorflow.expand_gate(z, config)


def torch(w, x, *, config, training):
    """The global context block in PyTorch."""
    import torch
    from torch.nn import functional

    last = _is_last(config)
    x32 = x.float()
    # The kernel is (1, channels), and pixels are (batch, channels, positions).
    pixels = x32.flatten(1, 2).mT if last else x32.flatten(2)
    logits = torch.matmul(w["mask/kernel"].float(), pixels)
    weights = (logits + w["mask/bias"]).softmax(2)
    context = torch.matmul(pixels, weights.mT)[:, :, 0]
    names = ("add/reduce/kernel", "add/reduce/bias", "add/gamma", "add/beta")
    kernel, bias, gamma, beta = (w[name].float() for name in names)
    z = functional.linear(context, kernel, bias)
    z = torch.layer_norm(z, z.shape[1:], gamma, beta, 1e-5).relu_()
    names = ("add/expand/kernel", "add/expand/bias")
    z = functional.linear(z, *(w[name].float() for name in names)).to(x.dtype)
    return x + _torch.expand_gate(z, config)
