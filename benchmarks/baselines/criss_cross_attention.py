"""Criss-cross attention as hand-written code of each backend."""


def jax(w, x, *, config, training):
    """Criss-cross attention in JAX."""
    import jax
    from jax import numpy as jnp

    first = config["data_format"] == "channels_first"
    z = jnp.moveaxis(x, 1, -1) if first else x
    height = z.shape[1]
    own = jnp.eye(height, dtype=bool)[:, None]

    def dense(name, z):
        return z @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    for _ in range(config["recurrence"]):
        query, key, value = (
            dense(name, z) for name in ("query", "key", "value")
        )
        columns = jnp.einsum("bijc,bhjc->bijh", query, key)
        columns = jnp.where(own, -jnp.inf, columns)
        rows = jnp.einsum("bijc,biwc->bijw", query, key)
        weights = jax.nn.softmax(jnp.concatenate([columns, rows], 3), 3)
        y = jnp.einsum("bijh,bhjc->bijc", weights[..., :height], value)
        y += jnp.einsum("bijw,biwc->bijc", weights[..., height:], value)
        z = w["gamma"] * y + z
    return (jnp.moveaxis(z, -1, 1) if first else z), {}


def tensorflow(w, x, *, config, training):
    """Criss-cross attention in TensorFlow."""
    import tensorflow as tf

    first = config["data_format"] == "channels_first"
    w = {name: tf.convert_to_tensor(weight) for name, weight in w.items()}
    z = tf.transpose(x, (0, 2, 3, 1)) if first else x
    height = z.shape[1]
    own = tf.eye(height, dtype="bool")[:, None]

    def dense(name, z):
        return tf.tensordot(z, w[f"{name}/kernel"], 1) + w[f"{name}/bias"]

    def turned(z):
        return tf.transpose(z, (0, 2, 1, 3))

    for _ in range(config["recurrence"]):
        query, key, value = (
            dense(name, z) for name in ("query", "key", "value")
        )
        columns = turned(
            tf.matmul(turned(query), turned(key), transpose_b=True)
        )
        columns = tf.where(own, -float("inf"), columns)
        rows = tf.matmul(query, key, transpose_b=True)
        weights = tf.nn.softmax(tf.concat([columns, rows], 3))
        y = tf.matmul(turned(weights[..., :height]), turned(value))
        y = turned(y) + tf.matmul(weights[..., height:], value)
        z = w["gamma"] * y + z
    return tf.transpose(z, (0, 3, 1, 2)) if first else z


def torch(w, x, *, config, training):
    """Criss-cross attention in PyTorch."""
    import torch
    from torch.nn import functional

    first = config["data_format"] == "channels_first"
    z = x.permute(0, 2, 3, 1) if first else x
    height = z.shape[1]
    own = torch.eye(height, dtype=torch.bool)[:, None]
    for _ in range(config["recurrence"]):
        query, key, value = (
            functional.linear(z, w[f"{name}/kernel"], w[f"{name}/bias"])
            for name in ("query", "key", "value")
        )
        columns = query.transpose(1, 2) @ key.permute(0, 2, 3, 1)
        columns = columns.transpose(1, 2).masked_fill(own, -torch.inf)
        weights = torch.softmax(torch.cat([columns, query @ key.mT], 3), 3)
        of_column, of_row = weights.split([height, z.shape[2]], 3)
        y = of_column.transpose(1, 2) @ value.transpose(1, 2)
        y = y.transpose(1, 2) + of_row @ value
        z = torch.addcmul(z, w["gamma"], y)
    return z.permute(0, 3, 1, 2) if first else z
