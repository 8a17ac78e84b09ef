"""Residual additions: where a branch comes back to what it left."""

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
    """A call that adds, which of its inputs are branches, and the other."""

    call: Call
    branches: list
    shortcut: Any


def additions(graph: Graph) -> list[Addition]:
    """Return the residual additions of a graph.

    An addition is residual if what it adds goes back to one call in common, and
    there are weights on the way. The way with the fewest layers with kernels
    (then weights, then calls) is the shortcut, the others are branches. Of two
    ways that are alike in all that, the first is the shortcut.
    """
    found = []
    for call in graph.calls:
        if not _adds(call):
            continue
        above = [graph.ancestors[graph.place(x)] for x in call.inputs]
        common = above[0]
        for bits in above[1:]:
            common &= bits
        costs = [_cost(graph, bits & ~common) for bits in above]
        if not common or not max(costs)[0]:
            continue
        least = costs.index(min(costs))
        branches = [x for i, x in enumerate(call.inputs) if i != least]
        found.append(Addition(call, branches, call.inputs[least]))
    return found


def _cost(graph: Graph, bits: int) -> tuple[int, int, int]:
    weights = sum(
        int(np.prod(weight.shape))
        for call in graph.chosen(bits)
        for weight in getattr(call.operation, "weights", ())
    )
    return ((bits & graph.with_kernel).bit_count(), weights, bits.bit_count())


def _adds(call: Call) -> bool:
    """Return whether a call adds two maps or more, of one shape."""
    shapes = {tuple(x.shape) for x in (*call.inputs, *call.outputs)}
    several = len(call.inputs) > 1 and len(call.outputs) == 1
    if not several or len(shapes) > 1:
        return False
    # `Add` is the name of both Keras' layer and its operation, `a + b`.
    if type(call.operation).__name__ == "Add":
        return True
    return (
        isinstance(call.operation, keras.layers.Layer)
        and not call.operation.weights
        and _keeps_its_first_input(call)
    )


def _keeps_its_first_input(call: Call) -> bool:
    """Return whether a layer nobody knows gives `x` for `x` and zeros.

    So does a sum with a scaled branch, and no product, maximum or mean does.
    """
    shape = [
        1 if size is None else min(size, 8) for size in call.inputs[0].shape
    ]
    for axis, size in enumerate(call.inputs[0].shape):
        if axis in (1, len(shape) - 1) and size is not None:
            shape[axis] = size  # the channels, in either layout
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
    except Exception:  # whatever it is, it does not add
        return False
    return bool(np.allclose(x, y, rtol=1e-2))
