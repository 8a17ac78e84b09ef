"""Detection of attention gates that a network already has."""

from __future__ import annotations

import keras

from keras_attention._base.card import card_of
from keras_attention.mixed import IdentityStart
from keras_attention.surgery import _graph
from keras_attention.surgery._graph import Graph

MAX_CALLS = 64  # in a subgraph that may be a gate; gates have fewer


def attention_gates(model: keras.Model) -> list[str]:
    """Return the paths of the attention gates in a model.

    Attention gates are the gates of this package, `IdentityStart`, and products
    of a map and a tensor with one value for each channel. This tensor must be
    computed from the same map alone, by layers with kernels. Squeeze and
    excitation of other packages is such a product.
    """
    found = []
    for path, _, graph in _graph.networks(model):
        data_format = _graph.data_format(graph)
        found += [
            f"{path}{call.operation.name}"
            for call in graph.calls
            if _has_gate(call.operation) or _is_gate(graph, call, data_format)
        ]
    return list(dict.fromkeys(found))


def _has_gate(layer) -> bool:
    """Return whether a layer is a gate by its card, or was attached."""
    card = card_of(layer)
    return isinstance(layer, IdentityStart) or bool(card and card.is_gate)


def _is_gate(graph: Graph, call, data_format: str) -> bool:
    if type(call.operation).__name__ != "Multiply" or len(call.inputs) != 2:
        return False
    return any(
        _is_pooled(gate.shape, x.shape, data_format)
        and _depends_only_on(graph, gate, x)
        for x, gate in (call.inputs, call.inputs[::-1])
    )


def _is_pooled(shape, map_shape, data_format: str) -> bool:
    """Return whether a shape has one value for each channel of a map."""
    size = _graph.spatial_size(shape, data_format)
    return _graph.spatial_size(map_shape, data_format) is not None and (
        size is None or set(size) == {1}
    )


def _depends_only_on(graph: Graph, gate, x) -> bool:
    """Return whether every path to a gate starts at `x`, with a kernel."""
    origin = graph.node(x)
    unvisited = {graph.node(gate)}
    visited: set[int] = set()
    while unvisited:
        node = unvisited.pop()
        sources = set(graph.sources[node])
        if node < origin or not sources or len(visited) > MAX_CALLS:
            return False
        visited.add(node)
        unvisited |= sources - visited - {origin}
    return any(graph.with_kernel >> node & 1 for node in visited)
