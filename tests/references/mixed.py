"""Reference implementations of attention over channels and positions."""

import numpy as np

from references.channel import channel_attention
from references.maths import ACTIVATIONS
from references.maths import convolution
from references.maths import dense
from references.maths import layer_norm
from references.maths import norm
from references.maths import part
from references.maths import resize
from references.maths import sigmoid
from references.maths import softmax
from references.maths import space
from references.spatial import spatial_gate


def cbam(layer, weights, x):
    refined, channel = channel_attention(layer, part(weights, "channel"), x)
    seen = {"original": x, "refined": refined}[layer.spatial_input]
    spatial = spatial_gate(part(weights, "spatial"), seen)
    return refined * spatial, {"channel": channel, "spatial": spatial}


def spatial_channel_squeeze_excite(layer, weights, x):
    own = part(weights, "channel")
    z = x.mean(axis=space(x), keepdims=True)
    hidden = np.maximum(dense(own, "squeeze", z), 0)
    channel = sigmoid(dense(own, "excite", hidden))
    spatial = sigmoid(dense(weights, "spatial", x))
    combine = {"add": np.add, "max": np.maximum}[layer.combine]
    y = combine(x * channel, x * spatial)
    return y, {"channel": channel, "spatial": spatial}


def coordinate_attention(layer, weights, x):
    def gate(name, mean):
        z = norm(weights, "norm", dense(weights, "reduce", mean))
        z = ACTIVATIONS[layer.activation.__name__](z)
        return sigmoid(dense(weights, name, z))

    height = gate("expand_rows", x.mean(axis=2, keepdims=True))
    width = gate("expand_columns", x.mean(axis=1, keepdims=True))
    return x * height * width, {"height": height, "width": width}


def triplet_attention(layer, weights, x):
    # The axes of the rows and columns of each kernel, and the pooled one.
    orders = {"height": (1, 3, 2), "width": (3, 2, 1), "spatial": (1, 2, 3)}
    attention = {}
    for name, order in orders.items():
        if name == "spatial" and not layer.use_spatial:
            continue
        turned = x.transpose(0, *order)
        # Each order is its own inverse.
        gate = spatial_gate(part(weights, name), turned).transpose(0, *order)
        attention[name] = gate
    return x * (sum(attention.values()) / len(attention)), attention


def shuffle_attention(layer, weights, x):
    scaled, gates = [], {"channel": [], "spatial": []}
    for group in np.split(x, layer.groups, axis=-1):
        u, v = np.split(group, 2, axis=-1)
        mean = u.mean(axis=space(u), keepdims=True)
        a = weights["channel_weight"] * mean + weights["channel_bias"]
        centered = v - v.mean(axis=space(v), keepdims=True)
        variance = (centered**2).mean(axis=space(v), keepdims=True)
        z = centered / np.sqrt(variance + layer.epsilon)
        z = weights["gamma"] * z + weights["beta"]
        q = weights["spatial_weight"] * z + weights["spatial_bias"]
        gates["channel"].append(sigmoid(a))
        gates["spatial"].append(sigmoid(q))
        scaled += [sigmoid(a) * u, sigmoid(q) * v]
    halves = np.split(np.concatenate(scaled, axis=-1), 2, axis=-1)
    y = np.stack(halves, axis=-1).reshape(x.shape)
    return y, {k: np.concatenate(v, axis=-1) for k, v in gates.items()}


def polarized_self_attention(layer, weights, x):
    # A mean of values is the value of the mean.
    weighted = x * softmax(dense(weights, "channel_query", x))
    z = weighted.sum(axis=space(x), keepdims=True)
    z = dense(weights, "channel_value", z)
    if layer.mode == "sequential":
        z = dense(weights, "reduce", z)
        z = weights["gamma"] * layer_norm(z, 1e-5) + weights["beta"]
        z = np.maximum(z, 0)
    channel = sigmoid(dense(weights, "expand", z))

    refined = x * channel
    seen = x if layer.mode == "parallel" else refined
    mean = seen.mean(axis=space(x), keepdims=True)
    query = dense(weights, "spatial_query", mean)
    if layer.mode == "parallel":
        query = query @ weights["spatial_value/kernel"].T
        scores = softmax((query * x).sum(axis=-1, keepdims=True))
    else:
        value = softmax(dense(weights, "spatial_value", refined))
        scores = (query * value).sum(axis=-1, keepdims=True)
    spatial = sigmoid(scores)
    y = refined + x * spatial
    if layer.mode == "sequential":
        y = refined * spatial
    return y, {"channel": channel, "spatial": spatial}


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
    "CoordinateAttention": coordinate_attention,
    "PolarizedSelfAttention": polarized_self_attention,
    "ResidualAttention": residual_attention,
    "ShuffleAttention": shuffle_attention,
    "SimAM": simam,
    "SpatialChannelSqueezeExcite": spatial_channel_squeeze_excite,
    "TripletAttention": triplet_attention,
}
