"""The attention gate as hand-written code of each backend."""

from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow
from benchmarks.baselines import _torch


def jax(w, x, gating, *, config, training):
    """The attention gate in JAX."""
    import jax

    state = {}

    def project(u, name):
        u = _jax.conv(u, w[f"{name}/kernel"][None, None], config)
        u = u + _jax.expand_vector(w[f"{name}/bias"], u, config)
        return _jax.norm(w, f"{name}_norm", u, config, training, state)

    f = jax.nn.relu(project(x, "theta") + project(gating, "phi"))
    return x * jax.nn.sigmoid(project(f, "psi")), state


def tensorflow(w, x, gating, *, config, training):
    """The attention gate in TensorFlow."""
    import tensorflow as tf

    def project(u, name):
        kernel = tf.convert_to_tensor(w[f"{name}/kernel"])[None, None]
        u = _tensorflow.conv(u, kernel, config)
        u = u + _tensorflow.expand_vector(w[f"{name}/bias"], config)
        return _tensorflow.norm(w, f"{name}_norm", u, config, training)

    f = tf.nn.relu(project(x, "theta") + project(gating, "phi"))
    return x * tf.sigmoid(project(f, "psi"))


def torch(w, x, gating, *, config, training):
    """The attention gate in PyTorch."""
    import torch

    def project(u, name):
        u = _torch.point(w, name, u)
        return _torch.norm(w, f"{name}_norm", u, training)

    last = config["data_format"] == "channels_last"
    if last:
        x, gating = x.permute(0, 3, 1, 2), gating.permute(0, 3, 1, 2)
    f = torch.relu_(project(x, "theta") + project(gating, "phi"))
    y = x * torch.sigmoid(project(f, "psi"))
    return y.permute(0, 2, 3, 1) if last else y
