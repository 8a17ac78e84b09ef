"""Runners: run a layer and its baseline on the active backend.

Each file has `ours(layer, arrays, training, way)`, `baseline(function, layer,
arrays, training, way)`, and `WAYS`, the execution modes of the backend, eager
first. `OPTIONAL_WAYS`, if there are any, are measured only on request. Both
functions return a function without arguments that runs once, waits
for the results, and returns them: outputs, and the gradients of the sum of
outputs times a constant with respect to inputs and, by role, weights. In
inference only outputs are returned.

A baseline is `function(weights, *inputs, config, training)`. `weights` are by
role, the path of the layer's weight without the layer's own name.
"""

import importlib
import inspect

import keras
import numpy as np

from benchmarks import cases

BACKEND = keras.config.backend()


def active():
    """Return the module of the active backend."""
    return importlib.import_module(f"benchmarks.runners.{BACKEND}")


def role(weight) -> str:
    """Return the path of a weight without the layer's own name."""
    return weight.path.split("/", 1)[1]


def arguments(layer, training: bool) -> dict[str, bool]:
    """Return the keyword arguments of the call."""
    if "training" in inspect.signature(layer.call).parameters:
        return {"training": training}
    return {}


def cotangent(layer, arrays) -> np.ndarray:
    """Return the constant by which outputs are multiplied."""
    shape = layer.compute_output_shape(*(x.shape for x in arrays))
    return cases.normal(3, shape)
