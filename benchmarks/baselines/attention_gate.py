"""The attention gate as hand-written code of each backend."""


def jax(w, x, gating, *, config, training):
    """The attention gate in JAX."""
    import jax

    from benchmarks.baselines import fusion_jax

    state = {}

    def project(u, name):
        u = fusion_jax._conv(u, w[f"{name}/kernel"][None, None], config)
        u = u + fusion_jax._broadcast(w[f"{name}/bias"], u, config)
        return fusion_jax._norm(w, f"{name}_norm", u, config, training, state)

    f = jax.nn.relu(project(x, "theta") + project(gating, "phi"))
    return x * jax.nn.sigmoid(project(f, "psi")), state


def tensorflow(w, x, gating, *, config, training):
    """The attention gate in TensorFlow."""
    import tensorflow as tf

    from benchmarks.baselines import fusion_tensorflow

    def project(u, name):
        kernel = tf.convert_to_tensor(w[f"{name}/kernel"])[None, None]
        u = fusion_tensorflow._conv(u, kernel, config)
        u = u + fusion_tensorflow._broadcast(w[f"{name}/bias"], config)
        return fusion_tensorflow._norm(w, f"{name}_norm", u, config, training)

    f = tf.nn.relu(project(x, "theta") + project(gating, "phi"))
    return x * tf.sigmoid(project(f, "psi"))


def torch(w, x, gating, *, config, training):
    """The attention gate in PyTorch."""
    import torch

    from benchmarks.baselines import fusion_torch

    def project(u, name):
        u = fusion_torch._point(w, name, u)
        return fusion_torch._norm(w, f"{name}_norm", u, training)

    last = config["data_format"] == "channels_last"
    if last:
        x, gating = x.permute(0, 3, 1, 2), gating.permute(0, 3, 1, 2)
    f = torch.relu_(project(x, "theta") + project(gating, "phi"))
    y = x * torch.sigmoid(project(f, "psi"))
    return y.permute(0, 2, 3, 1) if last else y
