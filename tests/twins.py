"""The papers' equations in float64 NumPy, channels last: the judges.

They are written from the equations, not from the layers, and as plainly as they
can be. A twin takes the layer (for its arguments alone), its weights by role,
and its inputs, and returns outputs and attention.
"""

import numpy as np

from autodiff import role


def run(layer, inputs):
    """Return what the layer should: `(outputs, attention)` in float64."""
    return _run(layer, point(layer, inputs))


def outputs(layer, point):
    """Return the outputs at a point, as `point` makes them."""
    return _run(layer, point)[0]


def point(layer, inputs):
    """Return inputs and weights, in this order, as one list in float64."""
    return [np.asarray(a, "float64") for a in (*inputs, *layer.get_weights())]


def _run(layer, point):
    roles = [role(weight) for weight in layer.weights]
    inputs = point[: len(point) - len(roles)]
    weights = dict(zip(roles, point[len(inputs) :], strict=True))
    return TWINS[type(layer).__name__](layer, weights, *inputs)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x * sigmoid(x),
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
}


def space(x):
    return tuple(range(1, x.ndim - 1))


def dense(weights, name, x):
    return x @ weights[f"{name}/kernel"] + weights.get(f"{name}/bias", 0)


def squeeze_excite(layer, weights, x):
    z = x.mean(axis=space(x), keepdims=True)
    activation = ACTIVATIONS[layer.activation.__name__]
    gate_activation = ACTIVATIONS[layer.gate_activation.__name__]
    hidden = activation(dense(weights, "squeeze", z))
    s = gate_activation(dense(weights, "excite", hidden))
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


def channel_attention(layer, weights, x):
    def mlp(z):
        hidden = np.maximum(dense(weights, "squeeze", z), 0)
        return dense(weights, "excite", hidden)

    mean = x.mean(axis=space(x), keepdims=True)
    maximum = x.max(axis=space(x), keepdims=True)
    gate = sigmoid(mlp(mean) + mlp(maximum))
    return x * gate, gate


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
        variance = weights["norm/moving_variance"]
        score = (score - weights["norm/moving_mean"]) / np.sqrt(variance + 1e-5)
        score = score * weights["norm/gamma"] + weights["norm/beta"]
    gate = sigmoid(score)
    return x * gate, gate


def cbam(layer, weights, x):
    def part(name):
        return {
            role.removeprefix(f"{name}/"): weight
            for role, weight in weights.items()
            if role.startswith(f"{name}/")
        }

    refined, channel = channel_attention(layer, part("channel"), x)
    seen = {"original": x, "refined": refined}[layer.spatial_input]
    _, spatial = spatial_attention(layer, part("spatial"), seen)
    return refined * spatial, {"channel": channel, "spatial": spatial}


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
    "CBAM": cbam,
    "ChannelAttention": channel_attention,
    "GatedChannelTransform": gated_channel_transform,
    "SpatialAttention": spatial_attention,
    "SpatialGroupEnhance": spatial_group_enhance,
    "SqueezeExcite": squeeze_excite,
}
