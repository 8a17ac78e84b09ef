"""Multi-scale deformable attention as hand-written code of each backend.

The inputs are the query, the reference points, and the maps, one by one. Heads
are samples of their own, as in the code for PyTorch that mmcv runs on a CPU.
"""

from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow


def jax(w, query, points, *values, config, training):
    """Multi-scale deformable attention in JAX."""
    import jax
    from jax import numpy as jnp

    batch, queries, _ = query.shape
    heads, count = config["num_heads"], config["num_points"]
    shape = (batch, queries, heads, len(values), count)
    if config["data_format"] == "channels_first":
        values = [value.transpose(0, 2, 3, 1) for value in values]

    def dense(name, x):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    weights = dense("score", query).reshape(batch, queries, heads, -1)
    weights = jax.nn.softmax(weights, -1).reshape(shape)
    offsets = query @ w["offset_kernel"] + w["offset_bias"]
    offsets = offsets.reshape(*shape, 2)
    outputs = 0
    for level, value in enumerate(values):
        _, height, width, _ = value.shape
        value = dense("value", value)
        value = value.reshape(batch, height, width, heads, -1)
        value = value.transpose(0, 3, 1, 2, 4)
        value = value.reshape(batch * heads, height, width, -1)
        size = jnp.array([width, height], query.dtype)
        at = points[:, :, None, level, None] + offsets[:, :, :, level] / size
        at = at.transpose(0, 2, 1, 3, 4).reshape(-1, queries, count, 2)
        at = at * size - 0.5
        samples = _jax.bilinear(value, at[..., 1], at[..., 0])
        shares = weights[:, :, :, level].transpose(0, 2, 1, 3)
        shares = shares.reshape(-1, queries, count)
        outputs += jnp.einsum("bqpc,bqp->bqc", samples, shares)
    outputs = outputs.reshape(batch, heads, queries, -1).transpose(0, 2, 1, 3)
    return query + dense("out", outputs.reshape(batch, queries, -1)), {}


def tensorflow(w, query, points, *values, config, training):
    """Multi-scale deformable attention in TensorFlow."""
    import tensorflow as tf

    batch, queries, _ = query.shape
    heads, count = config["num_heads"], config["num_points"]
    shape = (batch, queries, heads, len(values), count)

    def dense(name, x):
        kernel = tf.convert_to_tensor(w[f"{name}/kernel"])
        flat = tf.reshape(x, (-1, x.shape[-1]))
        y = tf.nn.bias_add(tf.matmul(flat, kernel), w[f"{name}/bias"])
        return tf.reshape(y, (*x.shape[:-1], kernel.shape[-1]))

    weights = tf.reshape(dense("score", query), (batch, queries, heads, -1))
    weights = tf.reshape(tf.nn.softmax(weights), shape)
    flat = tf.reshape(query, (batch * queries, -1))
    offsets = tf.matmul(flat, w["offset_kernel"]) + w["offset_bias"]
    offsets = tf.reshape(offsets, (*shape, 2))
    outputs = 0.0
    for level, value in enumerate(values):
        value = _tensorflow.to_last(value, config)
        _, height, width, _ = value.shape
        value = tf.reshape(
            dense("value", value), (batch, height, width, heads, -1)
        )
        value = tf.transpose(value, (0, 3, 1, 2, 4))
        value = tf.reshape(
            value, (batch * heads, height, width, value.shape[-1])
        )
        size = tf.constant([width, height], query.dtype)
        at = points[:, :, None, level, None] + offsets[:, :, :, level] / size
        at = tf.reshape(
            tf.transpose(at, (0, 2, 1, 3, 4)), (-1, queries, count, 2)
        )
        at = at * size - 0.5
        samples = _tensorflow.bilinear(value, at[..., 1], at[..., 0])
        shares = tf.transpose(weights[:, :, :, level], (0, 2, 1, 3))
        shares = tf.reshape(shares, (-1, queries, count, 1))
        outputs += tf.reduce_sum(samples * shares, 2)
    outputs = tf.reshape(outputs, (batch, heads, queries, outputs.shape[-1]))
    outputs = tf.transpose(outputs, (0, 2, 1, 3))
    units = heads * outputs.shape[-1]
    outputs = tf.reshape(outputs, (batch, queries, units))
    return query + dense("out", outputs)


def torch(w, query, points, *values, config, training):
    """Multi-scale deformable attention in PyTorch."""
    import torch

    functional = torch.nn.functional
    batch, queries, _ = query.shape
    heads, count = config["num_heads"], config["num_points"]
    levels = len(values)
    first = config["data_format"] == "channels_first"
    maps = [
        value.flatten(2).transpose(1, 2) if first else value.flatten(1, 2)
        for value in values
    ]
    sizes = [value.shape[2:] if first else value.shape[1:3] for value in values]
    value = functional.linear(
        torch.cat(maps, 1), w["value/kernel"], w["value/bias"]
    )
    offsets = functional.linear(query, w["offset_kernel"], w["offset_bias"])
    offsets = offsets.view(batch, queries, heads, levels, count, 2)
    weights = functional.linear(query, w["score/kernel"], w["score/bias"])
    weights = weights.view(batch, queries, heads, levels * count).softmax(-1)
    normalizer = torch.tensor(
        [[width, height] for height, width in sizes],
        dtype=query.dtype,
        device=query.device,
    )
    locations = points[:, :, None, :, None] + offsets / normalizer[:, None]
    grids = (2 * locations - 1).permute(3, 0, 2, 1, 4, 5).flatten(1, 2)
    samples = []
    parts = value.split([height * width for height, width in sizes], 1)
    for part, grid, (height, width) in zip(parts, grids, sizes, strict=True):
        part = part.transpose(1, 2).reshape(batch * heads, -1, height, width)
        samples.append(functional.grid_sample(part, grid, align_corners=False))
    weights = weights.transpose(1, 2).reshape(batch * heads, 1, queries, -1)
    y = (torch.cat(samples, -1) * weights).sum(-1)
    y = y.view(batch, -1, queries).transpose(1, 2)
    return query + functional.linear(y, w["out/kernel"], w["out/bias"])
