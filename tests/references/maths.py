"""Functions that several reference implementations share."""

import math

import numpy as np


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))  # without overflow


def gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x * sigmoid(x),
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanh": np.tanh,
}


def space(x):
    return tuple(range(1, x.ndim - 1))


def dense(weights, name, x):
    return x @ weights[f"{name}/kernel"] + weights.get(f"{name}/bias", 0)


def norm(weights, name, x):
    """Return batch normalization in inference mode over the last axis."""
    deviation = np.sqrt(weights[f"{name}/moving_variance"] + 1e-5)
    x = (x - weights[f"{name}/moving_mean"]) / deviation
    return x * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def softmax(x, axis=None):
    """Return weights of the positions of a map, or along an axis."""
    axis = space(x) if axis is None else axis
    x = np.exp(x - x.max(axis=axis, keepdims=True))
    return x / x.sum(axis=axis, keepdims=True)


def layer_norm(x, epsilon):
    """Return `x`, normalized over the last axis."""
    deviation = np.sqrt(x.std(axis=-1, keepdims=True) ** 2 + epsilon)
    return (x - x.mean(axis=-1, keepdims=True)) / deviation


def part(weights, name):
    """Return the weights of a sublayer by their roles in it."""
    return {
        role.removeprefix(f"{name}/"): weight
        for role, weight in weights.items()
        if role.startswith(f"{name}/")
    }


def convolution(x, kernel, *, strides, dilation, groups):
    """Return a convolution with symmetric zero padding."""
    side = len(kernel)
    extent = dilation * (side - 1)
    around = (extent // 2, extent - extent // 2)
    padded = np.pad(x, ((0, 0), around, around, (0, 0)))
    height, width = x.shape[1:3]
    y = []
    for seen, weights in zip(
        np.split(padded, groups, axis=-1),
        np.split(kernel, groups, axis=-1),
        strict=True,
    ):
        taps = [
            seen[:, i : i + height : strides, j : j + width : strides]
            for i in range(0, extent + 1, dilation)
            for j in range(0, extent + 1, dilation)
        ]
        matrices = weights.reshape(-1, *weights.shape[2:])
        y.append(sum(t @ w for t, w in zip(taps, matrices, strict=True)))
    return np.concatenate(y, axis=-1)


def resize(x, shape, align_corners):
    """Return a map of another size, by linear interpolation."""
    for axis in space(x):
        old, new = x.shape[axis], shape[axis]
        rows = []
        for i in range(new):
            if align_corners:
                position = i * (old - 1) / (new - 1) if new > 1 else 0
            else:
                position = min(max((i + 0.5) * old / new - 0.5, 0), old - 1)
            before = int(position)
            after = min(before + 1, old - 1)
            share = position - before
            rows.append(
                (1 - share) * x.take(before, axis) + share * x.take(after, axis)
            )
        x = np.stack(rows, axis=axis)
    return x
