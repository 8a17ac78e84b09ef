"""The bottleneck attention module as hand-written code of each backend."""

from benchmarks.baselines import _axes
from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, *, config, training):
    """The bottleneck attention module in JAX."""
    import jax
    from jax import numpy as jnp

    state = {}

    def norm(u, name):
        u = _jax.norm(w, name, u, config, training, state)
        return jax.nn.relu(u)

    def convolve(u, name, bias, dilation=1):
        kernel = w[f"{name}/kernel"]
        kernel = kernel if kernel.ndim == 4 else kernel[None, None]
        u = _jax.conv(u, kernel, config, dilation)
        return u + _jax.expand_vector(w[bias], u, config)

    axes = _axes.spatial(config)
    z = jnp.mean(x, axes) @ w["squeeze/kernel"] + w["squeeze/bias"]
    z = norm(z, "squeeze_norm") @ w["excite/kernel"] + w["excite/bias"]
    u = norm(convolve(x, "reduce", "reduce/bias"), "reduce_norm")
    for name in ("dilated_0", "dilated_1"):
        dilation = config["dilation_rate"]
        u = convolve(u, f"{name}/conv", f"{name}/bias", dilation)
        u = norm(u, f"{name}/norm")
    scores = convolve(u, "score", "score/bias") * jnp.expand_dims(z, axes)
    return x * (1 + jax.nn.sigmoid(scores)), state


def tensorflow(w, x, *, config, training):
    """The bottleneck attention module in TensorFlow."""
    import tensorflow as tf

    def norm(u, name, vectors=False):
        return tf.nn.relu(
            _tensorflow.norm(w, name, u, config, training, vectors)
        )

    def convolve(u, name, bias, dilation=1):
        kernel = tf.convert_to_tensor(w[f"{name}/kernel"])
        kernel = kernel if len(kernel.shape) == 4 else kernel[None, None]
        u = _tensorflow.conv(u, kernel, config, dilation)
        return u + _tensorflow.expand_vector(w[bias], config)

    axes = _axes.spatial(config)
    z = tf.reduce_mean(x, axes) @ w["squeeze/kernel"] + w["squeeze/bias"]
    z = norm(z, "squeeze_norm", vectors=True)
    z = z @ w["excite/kernel"] + w["excite/bias"]
    u = norm(convolve(x, "reduce", "reduce/bias"), "reduce_norm")
    for name in ("dilated_0", "dilated_1"):
        dilation = config["dilation_rate"]
        u = convolve(u, f"{name}/conv", f"{name}/bias", dilation)
        u = norm(u, f"{name}/norm")
    for axis in axes:
        z = tf.expand_dims(z, axis)
    scores = convolve(u, "score", "score/bias") * z
    return x * (1 + tf.sigmoid(scores))


def torch(w, x, *, config, training):
    """The bottleneck attention module in PyTorch."""
    import torch
    from torch.nn.functional import conv2d
    from torch.nn.functional import linear

    def norm(u, name):
        return torch.relu_(_torch.norm(w, name, u, training))

    last = config["data_format"] == "channels_last"
    x = x.permute(0, 3, 1, 2) if last else x
    z = linear(x.mean((2, 3)), w["squeeze/kernel"], w["squeeze/bias"])
    z = norm(z, "squeeze_norm")
    z = linear(z, w["excite/kernel"], w["excite/bias"])
    u = norm(_torch.point(w, "reduce", x), "reduce_norm")
    for name in ("dilated_0", "dilated_1"):
        dilation = config["dilation_rate"]
        u = conv2d(
            u,
            w[f"{name}/conv/kernel"],
            w[f"{name}/bias"],
            padding=dilation,
            dilation=dilation,
        )
        u = norm(u, f"{name}/norm")
    scores = _torch.point(w, "score", u) * z[:, :, None, None]
    y = torch.addcmul(x, x, torch.sigmoid(scores))
    return y.permute(0, 2, 3, 1) if last else y
