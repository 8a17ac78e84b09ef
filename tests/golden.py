"""Golden files: the results of published implementations.

A file holds inputs, weights under `w/` in the reference's own names and layout,
and for each mode (`eval`, `train`) the outputs and the gradients of
`sum(outputs * cotangent)`; `train/after/` holds the statistics after the step.
Activations are channels-last. `meta` names the reference and its settings.
"""

import pathlib

import numpy as np

from autodiff import role

FOLDER = pathlib.Path(__file__).parent / "goldens"


def load(name):
    """Return the arrays of one file by name."""
    with np.load(FOLDER / f"{name}.npz") as file:
        return {key: file[key] for key in file.files if key != "meta"}


def under(arrays, prefix):
    """Return the arrays below a prefix, named without it."""
    return {
        key.removeprefix(prefix): array
        for key, array in arrays.items()
        if key.startswith(prefix)
    }


def set_weights(layer, weights):
    """Set weights from arrays by role, all of them."""
    layer.set_weights([weights[role(weight)] for weight in layer.weights])


def linear(array):
    """Turn a PyTorch linear weight (outputs, inputs) into a Dense kernel."""
    return array.T


def pointwise(array):
    """Turn a PyTorch 1x1 convolution weight (OI11) into a Dense kernel."""
    return array[:, :, 0, 0].T


def conv(array):
    """Turn a PyTorch convolution weight (OIHW) into a Conv2D kernel."""
    return array.transpose(2, 3, 1, 0)


def vector(array):
    """Drop the axes of size 1 of a vector of channels."""
    return array.reshape(-1)
