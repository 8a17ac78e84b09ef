"""Reference implementations of channel attention."""

import numpy as np

from references.maths import ACTIVATIONS
from references.maths import convolution
from references.maths import dense
from references.maths import layer_norm
from references.maths import norm
from references.maths import part
from references.maths import sigmoid
from references.maths import softmax
from references.maths import space


def squeeze_excite(layer, weights, x):
    z = x.mean(axis=space(x), keepdims=True)
    activation = ACTIVATIONS[layer.activation.__name__]
    gate_activation = ACTIVATIONS[layer.gate_activation.__name__]
    hidden = activation(dense(weights, "squeeze", z))
    s = gate_activation(dense(weights, "excite", hidden))
    return x * s, s


def efficient_channel_attention(layer, weights, x):
    z = x.mean(axis=space(x), keepdims=True)
    kernel = weights["kernel"][:, 0, 0]
    half = len(kernel) // 2
    around = [(0, 0)] * (x.ndim - 1) + [(half, half)]
    padded = np.pad(z, around, "wrap" if layer.circular else "constant")
    windows = [padded[..., c : c + len(kernel)] for c in range(x.shape[-1])]
    scores = np.stack([window @ kernel for window in windows], axis=-1)
    s = ACTIVATIONS[layer.gate_activation.__name__](scores)
    return x * s, s


def effective_squeeze_excite(layer, weights, x):
    z = x.mean(axis=space(x), keepdims=True)
    s = ACTIVATIONS[layer.gate_activation.__name__](dense(weights, "gate", z))
    return x * s, s


def gated_channel_transform(layer, weights, x):
    alpha, gamma, beta = (weights[name] for name in ("alpha", "gamma", "beta"))
    if layer.mode == "l2":
        energy = (x**2).sum(axis=space(x), keepdims=True)
        s = alpha * np.sqrt(energy + layer.epsilon)
        norm = np.sqrt((s**2).mean(axis=-1, keepdims=True) + layer.epsilon)
    else:
        magnitude = x if layer.after_relu else np.abs(x)
        s = alpha * magnitude.sum(axis=space(x), keepdims=True)
        norm = np.abs(s).mean(axis=-1, keepdims=True) + layer.epsilon
    gate = 1 + np.tanh(gamma * s / norm + beta)
    return x * gate, gate


def global_context(layer, weights, x):
    def transform(name, c):
        own = part(weights, name)
        hidden = layer_norm(dense(own, "reduce", c), layer.epsilon)
        hidden = own["gamma"] * hidden + own["beta"]
        return dense(own, "expand", np.maximum(hidden, 0))

    a = softmax(dense(weights, "mask", x))
    c = (a * x).sum(axis=space(x), keepdims=True)
    attention = {"spatial": a}
    if layer.fusion != "add":
        attention["channel"] = sigmoid(transform("scale", c))
        x = attention["channel"] * x
    return x + transform("add", c) if layer.fusion != "scale" else x, attention


def global_response_norm(layer, weights, x):
    g = np.sqrt((x**2).sum(axis=space(x), keepdims=True))
    n = g / (g.mean(axis=-1, keepdims=True) + layer.epsilon)
    return (1 + weights["gamma"] * n) * x + weights["beta"], n


def style_recalibration(layer, weights, x):
    mean = x.mean(axis=space(x), keepdims=True)
    squares = ((x - mean) ** 2).sum(axis=space(x), keepdims=True)
    positions = x[0, ..., 0].size
    deviation = np.sqrt(squares / max(positions - 1, 1) + layer.epsilon)
    w = weights["kernel"]
    s = sigmoid(norm(weights, "norm", w[:, 0] * mean + w[:, 1] * deviation))
    return x * s, s


def gaussian_context(layer, weights, x):
    mean = x.mean(axis=space(x), keepdims=True)
    z = layer_norm(mean, layer.epsilon)
    s = np.exp(z**2 * (-layer.width / 2))
    return x * s, s


def linear_context_transform(layer, weights, x):
    mean = x.mean(axis=space(x), keepdims=True)
    groups = np.split(mean, layer.groups, axis=-1)
    z = np.concatenate([layer_norm(g, layer.epsilon) for g in groups], axis=-1)
    s = sigmoid(weights["gamma"] * z + weights["beta"])
    return x * s, s


def channel_attention(layer, weights, x):
    def mlp(z):
        hidden = np.maximum(dense(weights, "squeeze", z), 0)
        return dense(weights, "excite", hidden)

    mean = x.mean(axis=space(x), keepdims=True)
    maximum = x.max(axis=space(x), keepdims=True)
    gate = sigmoid(mlp(mean) + mlp(maximum))
    return x * gate, gate


def gather_excite(layer, weights, x):
    z = gather(layer, weights, x)
    if layer.excite:
        z = np.maximum(z, 0) if layer.parametric else z
        z = np.maximum(dense(weights, "reduce", z), 0)
        z = dense(weights, "expand", z)
    s = sigmoid(z)
    if layer.extent:
        rows, columns = (
            np.arange(x.shape[axis]) * s.shape[axis] // x.shape[axis]
            for axis in space(x)
        )
        s = s[:, rows][:, :, columns]
    return x * s, s


def gather(layer, weights, x):
    """Return the context of the whole map, or of every n-th position."""
    extent = layer.extent
    if layer.parametric and not extent:
        z = np.einsum("bhwc,hwc->bc", x, weights["kernel"][:, :, 0])
        return norm(weights, "gather_norm", z[:, None, None])
    if not extent:
        return x.mean(axis=space(x), keepdims=True)
    if not layer.parametric:
        rows, columns = (
            [
                slice(max(i - extent + 1, 0), i + extent)
                for i in range(0, n, extent)
            ]
            for n in x.shape[1:3]
        )
        return np.stack(
            [
                np.stack(
                    [x[:, i, j].mean(axis=(1, 2)) for j in columns], axis=1
                )
                for i in rows
            ],
            axis=1,
        )
    count = extent.bit_length() - 1
    for index in range(count):
        own = part(weights, f"gather_{index}")
        kernel = own["conv/kernel"]
        x = convolution(
            x, kernel, strides=2, dilation=1, groups=kernel.shape[-1]
        )
        x = norm(own, "norm", x)
        x = np.maximum(x, 0) if index < count - 1 else x
    return x


def multi_scale_gate(weights, x, of_local, of_global):
    """Return the gate of the local and global contexts with these names."""

    def context(name, z):
        own = part(weights, name)
        hidden = norm(own, "reduce_norm", dense(own, "reduce", z))
        return norm(
            own, "expand_norm", dense(own, "expand", np.maximum(hidden, 0))
        )

    mean = x.mean(axis=space(x), keepdims=True)
    return sigmoid(context(of_local, x) + context(of_global, mean))


def multi_scale_channel_attention(layer, weights, x):
    gate = multi_scale_gate(weights, x, "local_context", "global_context")
    return x * gate, gate


REFERENCES = {
    "ChannelAttention": channel_attention,
    "EffectiveSqueezeExcite": effective_squeeze_excite,
    "EfficientChannelAttention": efficient_channel_attention,
    "GatedChannelTransform": gated_channel_transform,
    "GatherExcite": gather_excite,
    "GaussianContext": gaussian_context,
    "GlobalContext": global_context,
    "GlobalResponseNorm": global_response_norm,
    "LinearContextTransform": linear_context_transform,
    "MultiScaleChannelAttention": multi_scale_channel_attention,
    "SqueezeExcite": squeeze_excite,
    "StyleRecalibration": style_recalibration,
}
