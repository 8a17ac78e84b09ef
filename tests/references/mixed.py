"""Reference implementations of attention to channels and positions."""

import numpy as np

from references.channel import channel_attention
from references.maths import convolution
from references.maths import dense
from references.maths import norm
from references.maths import part
from references.maths import resize
from references.maths import sigmoid
from references.maths import space
from references.spatial import spatial_gate


def cbam(layer, weights, x):
    refined, channel = channel_attention(layer, part(weights, "channel"), x)
    seen = {"original": x, "refined": refined}[layer.spatial_input]
    spatial = spatial_gate(part(weights, "spatial"), seen)
    return refined * spatial, {"channel": channel, "spatial": spatial}


def bam(layer, weights, x):
    z = x.mean(axis=space(x), keepdims=True)
    z = np.maximum(
        norm(weights, "squeeze_norm", dense(weights, "squeeze", z)), 0
    )
    of_channels = dense(weights, "excite", z)
    u = np.maximum(norm(weights, "reduce_norm", dense(weights, "reduce", x)), 0)
    for name in ("dilated_0", "dilated_1"):
        own = part(weights, name)
        u = convolution(
            u,
            own["conv/kernel"],
            strides=1,
            dilation=layer.dilation_rate,
            groups=1,
        )
        u = np.maximum(norm(own, "norm", u + own["bias"]), 0)
    of_positions = dense(weights, "score", u)
    if layer.combine == "multiply":
        s = sigmoid(of_channels * of_positions)
    else:
        s = sigmoid(of_channels + of_positions)
    return (1 + s) * x, s


def simam(layer, weights, x):
    d = (x - x.mean(axis=space(x), keepdims=True)) ** 2
    positions = max(d[0, ..., 0].size - 1, 1)
    variance = d.sum(axis=space(x), keepdims=True) / positions
    s = sigmoid(d / (4 * (variance + layer.regularization)) + 1 / 2)
    return x * s, s


def residual_attention(layer, weights, x):
    p, t, r = layer.preprocessing, layer.trunk, layer.mask

    def unit(name, x):
        equation = residual_unit if layer.preactivation else late_unit
        return equation(part(weights, name), x, layer.groups)

    def units(names, x):
        for name in names:
            x = unit(name, x)
        return x

    x = units([f"before_{i + 1}" for i in range(p)], x)
    features = units([f"trunk_{i + 1}" for i in range(t)], x)

    # The mask branch as a list of levels; the n-th is nested `n - 1` times.
    levels = ["hourglass" + "/inner" * n for n in range(layer.depth)]
    maps = [x]
    for level in levels:
        pooled = max_pool(maps[-1])
        maps.append(units([f"{level}/down_{i + 1}" for i in range(r)], pooled))
    z = units([f"{levels[-1]}/up_{i + 1}" for i in range(r)], maps[-1])
    for n in range(layer.depth - 1, 0, -1):
        z = resize(z, maps[n].shape, layer.align_corners)
        z = z + unit(f"{levels[n - 1]}/skip", maps[n])
        z = units([f"{levels[n - 1]}/up_{i + 1}" for i in range(r)], z)
    z = resize(z, x.shape, layer.align_corners)

    head = part(weights, "head")
    if layer.preactivation:
        z = np.maximum(norm(head, "norm_1", z), 0) @ head["conv_1/kernel"][0, 0]
        z = np.maximum(norm(head, "norm_2", z), 0) @ head["conv_2/kernel"][0, 0]
    else:
        z = np.maximum(norm(head, "norm_1", z @ head["conv_1/kernel"][0, 0]), 0)
        z = z @ head["conv_2/kernel"][0, 0]
    if layer.mask_activation == "channel":
        length = np.linalg.norm(z, axis=-1, keepdims=True)
        mask = np.divide(z, length, out=np.zeros_like(z), where=length > 0)
    elif layer.mask_activation == "tanh":
        mask = np.tanh(z)
    else:
        if layer.mask_activation == "spatial":
            z = z - z.mean(axis=space(z), keepdims=True)
            if z[0, ..., 0].size > 1:
                z = z / (z.std(axis=space(z), keepdims=True, ddof=1) + 1e-5)
        mask = sigmoid(z)
    y = (1 + mask) * features if layer.residual else mask * features
    return units([f"after_{i + 1}" for i in range(p)], y), mask


def residual_unit(weights, x, groups):
    z = np.maximum(norm(weights, "norm_1", x), 0)
    z = z @ weights["conv_1/kernel"][0, 0]
    z = np.maximum(norm(weights, "norm_2", z), 0)
    z = convolution(
        z, weights["conv_2/kernel"], strides=1, dilation=1, groups=groups
    )
    z = np.maximum(norm(weights, "norm_3", z), 0)
    return x + z @ weights["conv_3/kernel"][0, 0]


def late_unit(weights, x, groups):
    """A unit with batch normalization after its convolutions."""
    z = norm(weights, "norm_1", x @ weights["conv_1/kernel"][0, 0])
    z = convolution(
        np.maximum(z, 0),
        weights["conv_2/kernel"],
        strides=1,
        dilation=1,
        groups=groups,
    )
    z = np.maximum(norm(weights, "norm_2", z), 0)
    z = norm(weights, "norm_3", z @ weights["conv_3/kernel"][0, 0])
    return np.maximum(x + z, 0)


def max_pool(x):
    """Return max pooling of size 3 and stride 2, padded with minus infinity."""
    rows, columns = (
        # For even sizes a window starts at its position, for odd it is
        # centered.
        [slice(max(0, i - n % 2), i - n % 2 + 3) for i in range(0, n, 2)]
        for n in x.shape[1:3]
    )
    return np.stack(
        [
            np.stack([x[:, i, j].max(axis=(1, 2)) for j in columns], axis=1)
            for i in rows
        ],
        axis=1,
    )


REFERENCES = {
    "BAM": bam,
    "CBAM": cbam,
    "ResidualAttention": residual_attention,
    "SimAM": simam,
}
