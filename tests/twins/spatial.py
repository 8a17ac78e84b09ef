"""Gates of positions."""

import numpy as np

from twins.maths import norm
from twins.maths import sigmoid
from twins.maths import space


def spatial_attention(layer, weights, x):
    d = np.stack([x.max(axis=-1), x.mean(axis=-1)], axis=-1)
    kernel = weights["conv/kernel"]
    side = len(kernel)
    before = (side - 1) // 2
    after = side - 1 - before
    padded = np.pad(d, ((0, 0), (before, after), (before, after), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, (side, side), axis=(1, 2)
    )
    score = np.einsum("bhwcij,ijco->bhwo", windows, kernel)
    score = score + weights.get("conv/bias", 0)
    if "norm/gamma" in weights:
        score = norm(weights, "norm", score)
    gate = sigmoid(score)
    return x * gate, gate


def spatial_group_enhance(layer, weights, x):
    members = x.shape[-1] // layer.groups
    y, gates = [], []
    for group in range(layer.groups):
        part = x[..., group * members : (group + 1) * members]
        mean = part.mean(axis=space(x), keepdims=True)
        c = (part * mean).sum(axis=-1, keepdims=True)
        centred = c - c.mean(axis=space(x), keepdims=True)
        count = np.prod(c.shape[1:])
        if count > 1:
            deviation = c.std(axis=space(x), keepdims=True, ddof=1)
            centred = centred / (deviation + layer.epsilon)
        gate = sigmoid(
            weights["gamma"][group] * centred + weights["beta"][group]
        )
        y.append(part * gate)
        gates.append(gate)
    return np.concatenate(y, axis=-1), np.concatenate(gates, axis=-1)


TWINS = {
    "SpatialAttention": spatial_attention,
    "SpatialGroupEnhance": spatial_group_enhance,
}
