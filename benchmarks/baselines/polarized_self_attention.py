"""Polarized self-attention as hand-written code of each backend.

As in the layer, means of a map are taken before its convolutions.
"""


def jax(w, x, *, config, training):
    """Polarized self-attention in JAX."""
    import jax
    from jax import numpy as jnp

    last = config["data_format"] == "channels_last"
    axes = (1, 2) if last else (2, 3)
    if last:
        z = x.reshape(x.shape[0], -1, x.shape[3])
    else:
        z = x.reshape(*x.shape[:2], -1).swapaxes(1, 2)
    q = jax.nn.softmax(z @ w["channel_query/kernel"], 1)
    a = jnp.einsum("bnc,bn->bc", z, q[..., 0]) @ w["channel_value/kernel"]
    a = jax.nn.sigmoid(a @ w["expand/kernel"])
    k = jnp.mean(z, 1) @ w["spatial_query/kernel"]
    k = k @ w["spatial_value/kernel"].T
    scores = jax.nn.softmax(jnp.einsum("bnc,bc->bn", z, k), 1)
    sizes = [x.shape[axis] for axis in axes]
    spatial = jax.nn.sigmoid(scores).reshape(len(x), *sizes)
    channel = jnp.expand_dims(a, axes)
    return x * channel + x * jnp.expand_dims(spatial, 3 if last else 1), {}


def tensorflow(w, x, *, config, training):
    """Polarized self-attention in TensorFlow."""
    import tensorflow as tf

    last = config["data_format"] == "channels_last"
    axes = (1, 2) if last else (2, 3)
    if last:
        z = tf.reshape(x, (x.shape[0], -1, x.shape[3]))
    else:
        z = tf.reshape(x, (*x.shape[:2], -1))
    spec = "bnc" if last else "bcn"
    query = tf.einsum(f"{spec},co->bn", z, w["channel_query/kernel"])
    a = tf.einsum(f"{spec},bn->bc", z, tf.nn.softmax(query, 1))
    a = tf.matmul(a, w["channel_value/kernel"])
    a = tf.sigmoid(tf.matmul(a, w["expand/kernel"]))
    k = tf.matmul(tf.reduce_mean(x, axes), w["spatial_query/kernel"])
    k = tf.matmul(k, w["spatial_value/kernel"], transpose_b=True)
    scores = tf.nn.softmax(tf.einsum(f"{spec},bc->bn", z, k), 1)
    sizes = [x.shape[axis] for axis in axes]
    spatial = tf.reshape(tf.sigmoid(scores), (x.shape[0], *sizes))
    channel = a
    for axis in axes:
        channel = tf.expand_dims(channel, axis)
    return x * channel + x * tf.expand_dims(spatial, 3 if last else 1)


def torch(w, x, *, config, training):
    """Polarized self-attention in PyTorch."""
    from torch.nn import functional

    last = config["data_format"] == "channels_last"
    z = x.flatten(1, 2) if last else x.flatten(2).transpose(1, 2)
    q = functional.linear(z, w["channel_query/kernel"]).softmax(1)
    a = (q.transpose(1, 2) @ z)[:, 0]
    a = functional.linear(a, w["channel_value/kernel"])
    a = functional.linear(a, w["expand/kernel"]).sigmoid()
    k = functional.linear(z.mean(1), w["spatial_query/kernel"])
    k = k @ w["spatial_value/kernel"]
    spatial = (z @ k[:, :, None]).softmax(1).sigmoid()
    if last:
        channel = a[:, None, None]
        spatial = spatial.view(*x.shape[:3], 1)
    else:
        channel = a[:, :, None, None]
        spatial = spatial.view(x.shape[0], 1, *x.shape[2:])
    return x * channel + x * spatial
