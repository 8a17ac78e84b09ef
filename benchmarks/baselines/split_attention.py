"""Split attention of ResNeSt as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """Split attention in JAX."""
    import jax
    from jax import numpy as jnp

    state = {}
    kernel = w["splits/conv/kernel"]
    u = _jax.grouped_conv(x, kernel, config, config["radix"])
    u = _jax.norm(w, "splits/norm", u, config, training, state)
    splits = jnp.split(jax.nn.relu(u), config["radix"], _axes.channel(config))
    axes = _axes.spatial(config)
    z = jnp.mean(sum(splits), axes) @ w["squeeze/kernel"] + w["squeeze/bias"]
    z = _jax.norm(w, "squeeze_norm", z, config, training, state)
    z = jax.nn.relu(z) @ w["select/kernel"] + w["select/bias"]
    gates = jax.nn.softmax(z.reshape(len(z), config["radix"], -1), axis=1)
    return sum(
        split * jnp.expand_dims(gates[:, index], axes)
        for index, split in enumerate(splits)
    ), state


def tensorflow(w, x, *, config, training):
    """Split attention in TensorFlow."""
    import tensorflow as tf

    radix = config["radix"]
    kernel = tf.convert_to_tensor(w["splits/conv/kernel"])
    u = _tensorflow.grouped_conv(x, kernel, config, radix)
    u = _tensorflow.norm(w, "splits/norm", u, config, training)
    splits = tf.split(tf.nn.relu(u), radix, _axes.channel(config))
    axes = _axes.spatial(config)
    z = tf.reduce_mean(tf.add_n(splits), axes)
    z = z @ w["squeeze/kernel"] + w["squeeze/bias"]
    z = _tensorflow.norm(w, "squeeze_norm", z, config, training, True)
    z = tf.nn.relu(z) @ w["select/kernel"] + w["select/bias"]
    gates = tf.nn.softmax(tf.reshape(z, (-1, radix, config["filters"])), 1)
    for shift in axes:
        gates = tf.expand_dims(gates, shift + 1)
    return tf.add_n(
        [split * gates[:, index] for index, split in enumerate(splits)]
    )


def torch(w, x, *, config, training):
    """Split attention in PyTorch."""
    import torch
    from torch.nn import functional

    last, radix = config["data_format"] == "channels_last", config["radix"]
    x = x.permute(0, 3, 1, 2) if last else x
    u = functional.conv2d(x, w["splits/conv/kernel"], padding=1, groups=radix)
    u = torch.relu_(_torch.norm(w, "splits/norm", u, training))
    splits = u.chunk(radix, 1)
    z = sum(split.mean((2, 3)) for split in splits)
    z = functional.linear(z, w["squeeze/kernel"], w["squeeze/bias"])
    z = torch.relu_(_torch.norm(w, "squeeze_norm", z, training))
    z = functional.linear(z, w["select/kernel"], w["select/bias"])
    gates = z.view(len(z), radix, -1, 1, 1).softmax(1)
    y = splits[0] * gates[:, 0]
    for index in range(1, radix):
        y = torch.addcmul(y, splits[index], gates[:, index])
    return y.permute(0, 2, 3, 1) if last else y
