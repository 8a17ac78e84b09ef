"""Residual attention module as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """Residual attention module in JAX."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    state = {}

    def convs(name, x, count):
        for i in range(1, count + 1):
            norm = f"{name}/norm_{i}"
            x = _jax.norm(w, norm, x, config, training, state)
            kernel = w[f"{name}/conv_{i}/kernel"]
            x = _jax.conv(jax.nn.relu(x), kernel, config)
        return x

    def unit(name, x):
        return x + convs(name, x, 3)

    def hourglass(name, x, depth):
        axes = _axes.spatial(config)
        z = lax.reduce_window(
            x,
            -jnp.inf,
            lax.max,
            [3 if axis in axes else 1 for axis in range(4)],
            [2 if axis in axes else 1 for axis in range(4)],
            "SAME",
        )
        z = unit(f"{name}/down_1", z)
        if depth > 1:
            skip = unit(f"{name}/skip", z)
            z = skip + hourglass(f"{name}/inner", z, depth - 1)
        z = unit(f"{name}/up_1", z)
        return jax.image.resize(z, x.shape, "bilinear")

    x = unit("before_1", x)
    trunk = unit("trunk_2", unit("trunk_1", x))
    mask = hourglass("hourglass", x, config["depth"])
    mask = jax.nn.sigmoid(convs("head", mask, 2))
    return unit("after_1", trunk * (1 + mask)), state


def tensorflow(w, x, *, config, training):
    """Residual attention module in TensorFlow."""
    import tensorflow as tf

    def convs(name, x, count):
        for i in range(1, count + 1):
            x = _tensorflow.norm(w, f"{name}/norm_{i}", x, config, training)
            kernel = w[f"{name}/conv_{i}/kernel"]
            x = _tensorflow.conv(tf.nn.relu(x), kernel, config)
        return x

    def unit(name, x):
        return x + convs(name, x, 3)

    def hourglass(name, x, depth):
        # TensorFlow pools and resizes only channels-last maps on CPUs.
        z = _tensorflow.to_last(x, config)
        size = z.shape[1:3]
        z = tf.nn.max_pool2d(z, 3, 2, "SAME")
        z = _tensorflow.from_last(z, config)
        z = unit(f"{name}/down_1", z)
        if depth > 1:
            skip = unit(f"{name}/skip", z)
            z = skip + hourglass(f"{name}/inner", z, depth - 1)
        z = unit(f"{name}/up_1", z)
        z = tf.image.resize(_tensorflow.to_last(z, config), size)
        return _tensorflow.from_last(z, config)

    x = unit("before_1", x)
    trunk = unit("trunk_2", unit("trunk_1", x))
    mask = hourglass("hourglass", x, config["depth"])
    mask = tf.sigmoid(convs("head", mask, 2))
    return unit("after_1", trunk * (1 + mask))


def torch(w, x, *, config, training):
    """Residual attention module in PyTorch."""
    import torch

    functional = torch.nn.functional

    def convs(name, x, count):
        for i in range(1, count + 1):
            x = _torch.norm(w, f"{name}/norm_{i}", x, training)
            kernel = w[f"{name}/conv_{i}/kernel"]
            padding = kernel.shape[-1] // 2
            x = functional.conv2d(torch.relu_(x), kernel, padding=padding)
        return x

    def unit(name, x):
        return x + convs(name, x, 3)

    def hourglass(name, x, depth):
        # As TensorFlow, pad an even size at its end.
        ends = [1 - size % 2 for size in x.shape[:1:-1]]
        z = functional.pad(x, (0, ends[0], 0, ends[1]), value=-torch.inf)
        z = functional.max_pool2d(z, 3, 2, (1 - ends[1], 1 - ends[0]))
        z = unit(f"{name}/down_1", z)
        if depth > 1:
            skip = unit(f"{name}/skip", z)
            z = skip + hourglass(f"{name}/inner", z, depth - 1)
        z = unit(f"{name}/up_1", z)
        return functional.interpolate(z, x.shape[2:], mode="bilinear")

    last = config["data_format"] == "channels_last"
    x = x.permute(0, 3, 1, 2) if last else x
    x = unit("before_1", x)
    trunk = unit("trunk_2", unit("trunk_1", x))
    mask = hourglass("hourglass", x, config["depth"])
    mask = torch.sigmoid(convs("head", mask, 2))
    y = unit("after_1", trunk * (1 + mask))
    return y.permute(0, 2, 3, 1) if last else y
