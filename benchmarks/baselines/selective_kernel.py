"""Selective kernel convolution as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """Selective kernel convolution in JAX."""
    import jax
    from jax import numpy as jnp

    state = {}
    maps = []
    for path in ("path_0", "path_1"):
        u = _jax.grouped_conv(
            x,
            w[f"{path}/conv/kernel"],
            config,
            config["groups"],
            1 + len(maps),
        )
        u = u + _jax.expand_vector(w[f"{path}/bias"], u, config)
        u = _jax.norm(w, f"{path}/norm", u, config, training, state)
        maps.append(jax.nn.relu(u))
    z = jnp.mean(maps[0] + maps[1], _axes.spatial(config))
    z = z @ w["squeeze/kernel"] + w["squeeze/bias"]
    z = jax.nn.relu(_jax.norm(w, "squeeze_norm", z, config, training, state))
    z = z @ w["select/kernel"] + w["select/bias"]
    gates = jax.nn.softmax(z.reshape(len(z), 2, -1), axis=1)
    first, second = (_jax.expand_gate(gates[:, i], config) for i in (0, 1))
    return maps[0] * first + maps[1] * second, state


def tensorflow(w, x, *, config, training):
    """Selective kernel convolution in TensorFlow."""
    import tensorflow as tf

    norm = _tensorflow.norm
    maps = []
    for path in ("path_0", "path_1"):
        u = _tensorflow.grouped_conv(
            x,
            w[f"{path}/conv/kernel"],
            config,
            config["groups"],
            1 + len(maps),
        )
        u = u + _tensorflow.expand_vector(w[f"{path}/bias"], config)
        u = norm(w, f"{path}/norm", u, config, training)
        maps.append(tf.nn.relu(u))
    z = tf.reduce_mean(maps[0] + maps[1], _axes.spatial(config))
    z = tf.matmul(z, w["squeeze/kernel"]) + w["squeeze/bias"]
    z = norm(w, "squeeze_norm", z, config, training, vectors=True)
    z = tf.matmul(tf.nn.relu(z), w["select/kernel"]) + w["select/bias"]
    gates = tf.nn.softmax(tf.reshape(z, (-1, 2, config["filters"])), axis=1)
    if config["data_format"] == "channels_last":
        gates = gates[:, :, None, None, :]
    else:
        gates = gates[:, :, :, None, None]
    return maps[0] * gates[:, 0] + maps[1] * gates[:, 1]


def torch(w, x, *, config, training):
    """Selective kernel convolution in PyTorch."""
    import torch

    functional = torch.nn.functional
    last = config["data_format"] == "channels_last"
    x = x.permute(0, 3, 1, 2) if last else x
    maps = []
    for path in ("path_0", "path_1"):
        dilation_rate = 1 + len(maps)
        u = functional.conv2d(
            x,
            w[f"{path}/conv/kernel"],
            w[f"{path}/bias"],
            padding=dilation_rate,
            dilation=dilation_rate,
            groups=config["groups"],
        )
        maps.append(torch.relu_(_torch.norm(w, f"{path}/norm", u, training)))
    z = functional.linear(
        (maps[0] + maps[1]).mean((2, 3)),
        w["squeeze/kernel"],
        w["squeeze/bias"],
    )
    z = torch.relu_(_torch.norm(w, "squeeze_norm", z, training))
    z = functional.linear(z, w["select/kernel"], w["select/bias"])
    gates = z.view(len(z), 2, -1, 1, 1).softmax(1)
    y = maps[0] * gates[:, 0] + maps[1] * gates[:, 1]
    return y.permute(0, 2, 3, 1) if last else y
