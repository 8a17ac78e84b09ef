"""The bottleneck attention module as hand-written code of each backend."""


def jax(w, x, *, config, training):
    """The bottleneck attention module in JAX."""
    import jax
    from jax import numpy as jnp

    from benchmarks.baselines import fusion_jax

    state = {}

    def norm(u, name):
        u = fusion_jax._norm(w, name, u, config, training, state)
        return jax.nn.relu(u)

    def convolve(u, name, bias, dilation=1):
        kernel = w[f"{name}/kernel"]
        kernel = kernel if kernel.ndim == 4 else kernel[None, None]
        u = fusion_jax._conv(u, kernel, config, dilation)
        return u + fusion_jax._broadcast(w[bias], u, config)

    axes = fusion_jax._axes(config)[1:]
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

    from benchmarks.baselines import fusion_tensorflow

    def norm(u, name, vectors=False):
        return tf.nn.relu(
            fusion_tensorflow._norm(w, name, u, config, training, vectors)
        )

    def convolve(u, name, bias, dilation=1):
        kernel = tf.convert_to_tensor(w[f"{name}/kernel"])
        kernel = kernel if len(kernel.shape) == 4 else kernel[None, None]
        u = fusion_tensorflow._conv(u, kernel, config, dilation)
        return u + fusion_tensorflow._broadcast(w[bias], config)

    axes = fusion_tensorflow._axes(config)[1:]
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

    from benchmarks.baselines import fusion_torch

    def norm(u, name):
        return torch.relu_(fusion_torch._norm(w, name, u, training))

    last = config["data_format"] == "channels_last"
    x = x.permute(0, 3, 1, 2) if last else x
    z = linear(x.mean((2, 3)), w["squeeze/kernel"], w["squeeze/bias"])
    z = norm(z, "squeeze_norm")
    z = linear(z, w["excite/kernel"], w["excite/bias"])
    u = norm(fusion_torch._point(w, "reduce", x), "reduce_norm")
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
    scores = fusion_torch._point(w, "score", u) * z[:, :, None, None]
    y = torch.addcmul(x, x, torch.sigmoid(scores))
    return y.permute(0, 2, 3, 1) if last else y
