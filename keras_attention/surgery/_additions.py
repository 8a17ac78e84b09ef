"""Detection of residual additions in a graph."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention.surgery._graph import Call
from keras_attention.surgery._graph import Graph


@dataclasses.dataclass(frozen=True)
class Addition:
    """A residual addition.

    Attributes:
        call: The call that adds.
        branches: The inputs that are ends of branches.
        shortcut: The input that is the shortcut.
    """

    call: Call
    branches: list
    shortcut: Any


def additions(graph: Graph) -> list[Addition]:
    """Return the residual additions of a graph.

    An addition is residual if all of its inputs depend on a common call, and
    there are weights on a path from that call to the addition. The path with
    the fewest layers with kernels is the shortcut, the others are branches.
    Between paths with equally many, the number of weights decides, then the
    number of calls, then the order of the inputs.
    """
    found = []
    for call in graph.calls:
        if not _adds(call):
            continue
        ancestors = [graph.ancestors[graph.node(x)] for x in call.inputs]
        common = ancestors[0]
        for bits in ancestors[1:]:
            common &= bits
        costs = [_cost(graph, bits & ~common) for bits in ancestors]
        if not common or not max(costs)[0]:
            continue
        shortcut = costs.index(min(costs))
        branches = [x for i, x in enumerate(call.inputs) if i != shortcut]
        found.append(Addition(call, branches, call.inputs[shortcut]))
    return found


def _cost(graph: Graph, bits: int) -> tuple[int, int, int]:
    """Return the numbers of kernels, weights and calls in a set of nodes."""
    weights = sum(
        int(np.prod(weight.shape))
        for call in graph.calls_in(bits)
        for weight in getattr(call.operation, "weights", ())
    )
    return ((bits & graph.with_kernel).bit_count(), weights, bits.bit_count())


def _adds(call: Call) -> bool:
    """Return whether a call adds two or more maps of the same shape."""
    shapes = {tuple(x.shape) for x in (*call.inputs, *call.outputs)}
    has_several = len(call.inputs) > 1 and len(call.outputs) == 1
    if not has_several or len(shapes) > 1:
        return False
    # `Add` is the name of both Keras' layer and its operation, `a + b`.
    if type(call.operation).__name__ == "Add":
        return True
    return (
        isinstance(call.operation, keras.layers.Layer)
        and not call.operation.weights
        and _returns_first_input(call)
    )


def _returns_first_input(call: Call) -> bool:
    """Return whether a custom layer returns `x` for the inputs `x` and zeros.

    A sum with a scaled branch does. A product, maximum or mean does not.
    """
    shape = [
        1 if size is None else min(size, 8) for size in call.inputs[0].shape
    ]
    for axis, size in enumerate(call.inputs[0].shape):
        if axis in (1, len(shape) - 1) and size is not None:
            shape[axis] = size  # the channels, in either data format
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    zeros = [np.zeros_like(x)] * (len(call.inputs) - 1)
    values = iter([x, *zeros])
    args, kwargs = keras.tree.map_structure(
        lambda a: (
            ops.convert_to_tensor(next(values))
            if isinstance(a, keras.KerasTensor)
            else a
        ),
        (list(call.args), call.kwargs),
    )
    try:
        y = ops.convert_to_numpy(call.operation(*args, **kwargs))
    except Exception:  # A layer that refuses such inputs is no addition.
        return False
    return bool(np.allclose(x, y, rtol=1e-2))
