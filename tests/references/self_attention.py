"""Reference implementations of attention between positions or channels."""

import numpy as np

from references import deformable
from references.maths import dense
from references.maths import norm
from references.maths import softmax


def double_attention(layer, weights, x):
    z = x.reshape(len(x), -1, x.shape[-1])
    gather = softmax(dense(weights, "gather", z), 1)
    distribute = softmax(dense(weights, "distribute", z), 2)
    features = dense(weights, "feature", z)
    z = distribute @ (gather.swapaxes(1, 2) @ features)
    y = dense(weights, "expand", z).reshape(x.shape)
    attention = {"gather": gather, "distribute": distribute}
    return (x + y if layer.residual else y), attention


def external_attention(layer, weights, x):
    z = x.reshape(len(x), -1, x.shape[-1])
    if layer.use_projection:
        z = dense(weights, "project", z)
    slots = softmax(z @ weights["memory_key/kernel"], 1)
    shares = slots / (layer.epsilon + slots.sum(2, keepdims=True))
    y = shares @ weights["memory_value/kernel"]
    if layer.use_projection:
        y = norm(weights, "norm", y @ weights["expand/kernel"])
        y = y.reshape(x.shape) + x
        y = np.maximum(y, 0)
    return y.reshape(x.shape), shares


def channel_self_attention(layer, weights, x):
    rows = x.reshape(len(x), -1, x.shape[-1]).swapaxes(1, 2)
    similarity = rows @ rows.swapaxes(1, 2)
    maximum = similarity.max(axis=2, keepdims=True)
    attention = softmax(maximum - similarity, 2)
    y = (attention @ rows).swapaxes(1, 2).reshape(x.shape)
    return weights["gamma"] * y + x, attention


def position_attention(layer, weights, x):
    z = x.reshape(len(x), -1, x.shape[-1])
    query, key, value = (
        dense(weights, name, z) for name in ("query", "key", "value")
    )
    attention = softmax(query @ key.swapaxes(1, 2), 2)
    y = (attention @ value).reshape(x.shape)
    return weights["gamma"] * y + x, attention


def non_local(layer, weights, x):
    query = key = x
    if layer.mode != "gaussian":
        query = dense(weights, "query", x)
        key = dense(weights, "key", x)
    value = dense(weights, "value", x)
    rows = range(1, x.ndim - 1)[-2:]  # of three axes, not the first
    for axis in rows:
        key, value = (maxima(y, axis, layer.pool_size) for y in (key, value))
    query, key, value = (
        y.reshape(len(y), -1, y.shape[-1]) for y in (query, key, value)
    )
    hidden, count = query.shape[-1], key.shape[1]
    if layer.mode == "concatenation":
        of_query, of_key = np.split(weights["score"], 2)
        scores = query @ of_query + (key @ of_key).swapaxes(1, 2)
        attention = np.maximum(scores, 0) / count
    else:
        scores = query @ key.swapaxes(1, 2)
        if layer.mode == "dot_product":
            attention = scores / count
        elif layer.mode == "embedded_gaussian" and layer.scale:
            attention = softmax(scores / np.sqrt(hidden), 2)
        else:
            attention = softmax(scores, 2)
    y = dense(weights, "expand", attention @ value)
    if layer.use_norm:
        y = norm(weights, "norm", y)
    return x + y.reshape(x.shape), attention


def maxima(x, axis, length):
    """Return the maxima of whole blocks along an axis, or of all of it."""
    length = min(length, x.shape[axis])
    starts = range(0, x.shape[axis] - length + 1, length)
    blocks = [x.take(range(s, s + length), axis).max(axis) for s in starts]
    return np.stack(blocks, axis)


def criss_cross_attention(layer, weights, x):
    _, height, width, _ = x.shape
    for _ in range(layer.recurrence):
        query, key, value = (
            dense(weights, name, x) for name in ("query", "key", "value")
        )
        attention = {
            "height": np.zeros((*x.shape[:3], height)),
            "width": np.zeros((*x.shape[:3], width)),
        }
        y = np.zeros_like(x)
        for i in range(height):
            for j in range(width):
                cross = [(h, j) for h in range(height) if h != i]
                cross += [(i, w) for w in range(width)]
                keys = np.stack([key[:, h, w] for h, w in cross], 1)
                values = np.stack([value[:, h, w] for h, w in cross], 1)
                shares = softmax((keys @ query[:, i, j, :, None]), 1)[..., 0]
                y[:, i, j] = (shares[:, None] @ values)[:, 0]
                of_column = [h for h in range(height) if h != i]
                attention["height"][:, i, j, of_column] = shares[:, :-width]
                attention["width"][:, i, j] = shares[:, -width:]
        x = weights["gamma"] * y + x
    return x, attention


def multi_scale_deformable_attention(layer, weights, query, *inputs):
    *values, points = inputs
    heads, count = layer.num_heads, layer.num_points
    shape = (*query.shape[:2], heads, len(values), count)
    shares = dense(weights, "score", query)
    shares = softmax(shares.reshape(*shape[:3], -1), 3).reshape(shape)
    offsets = query @ weights["offset_kernel"] + weights["offset_bias"]
    offsets = offsets.reshape(*shape, 2)
    locations = np.empty(offsets.shape)
    for level, value in enumerate(values):
        center = points[:, :, None, level, None, :2]
        move = offsets[:, :, :, level]
        if points.shape[-1] == 4:
            size = points[:, :, None, level, None, 2:]
            locations[:, :, :, level] = center + move / count * size / 2
        else:
            size = [value.shape[2], value.shape[1]]
            locations[:, :, :, level] = center + move / size
    values = [dense(weights, "value", value) for value in values]
    y = query + dense(
        weights, "out", deform_attention(values, locations, shares)
    )
    return y, {"locations": locations, "weights": shares}


def deform_attention(values, locations, weights):
    """Sample the channels of each head at its points, and sum them."""
    heads = locations.shape[2]
    width = values[0].shape[-1] // heads
    parts = [0] * heads
    for level, value in enumerate(values):
        rows = locations[..., level, :, 1] * value.shape[1] - 0.5
        columns = locations[..., level, :, 0] * value.shape[2] - 0.5
        for head in range(heads):
            samples = deformable.hat(
                value[..., head * width : (head + 1) * width],
                rows[:, :, head],
                columns[:, :, head],
            )
            shares = weights[:, :, head, level, :, None]
            parts[head] = parts[head] + (shares * samples).sum(2)
    return np.concatenate(parts, axis=-1)


REFERENCES = {
    "ChannelSelfAttention": channel_self_attention,
    "CrissCrossAttention": criss_cross_attention,
    "DoubleAttention": double_attention,
    "ExternalAttention": external_attention,
    "MultiScaleDeformableAttention": multi_scale_deformable_attention,
    "NonLocal": non_local,
    "PositionAttention": position_attention,
}
