"""Reference implementations of the papers' equations (NumPy, float64).

They are written from the equations, not from the layers, channels last and as
simply as possible. A reference is a function of the layer (for its arguments
only), its weights by role, and its inputs, one by one. It returns outputs and
attention.
"""

import keras
import numpy as np

from autodiff import role
from references import channel
from references import deformable
from references import dynamic_capacity
from references import fusion
from references import hard
from references import mixed
from references import self_attention
from references import spatial
from references import surgery

REFERENCES = {
    name: reference
    for module in (
        channel,
        deformable,
        dynamic_capacity,
        fusion,
        hard,
        mixed,
        self_attention,
        spatial,
        surgery,
    )
    for name, reference in module.REFERENCES.items()
}


def run(layer, inputs):
    """Return the expected `(outputs, attention)` of a layer in float64."""
    return _run(layer, point(layer, inputs))


def outputs(layer, point):
    """Return the outputs for inputs and weights as returned by `point`."""
    return _run(layer, point)[0]


def point(layer, inputs):
    """Return inputs and weights, in this order, as one list in float64."""
    inputs = keras.tree.flatten(list(inputs))
    return [np.asarray(a, "float64") for a in (*inputs, *layer.get_weights())]


def _run(layer, point):
    roles = [role(weight) for weight in layer.weights]
    inputs = point[: len(point) - len(roles)]
    weights = dict(zip(roles, point[len(inputs) :], strict=True))
    return REFERENCES[type(layer).__name__](layer, weights, *inputs)
