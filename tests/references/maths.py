"""Functions that several reference implementations share."""

import numpy as np


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))  # without overflow


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x * sigmoid(x),
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
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
