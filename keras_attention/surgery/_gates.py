"""Attention that a network has already."""

from __future__ import annotations

import keras

from keras_attention.channel import ChannelAttention
from keras_attention.channel import GatedChannelTransform
from keras_attention.channel import MultiScaleChannelAttention
from keras_attention.channel import SqueezeExcite
from keras_attention.mixed import CBAM
from keras_attention.mixed import ResidualAttention
from keras_attention.spatial import SpatialAttention
from keras_attention.spatial import SpatialGroupEnhance
from keras_attention.surgery import _graph
from keras_attention.surgery._graph import Graph
from keras_attention.surgery.identity_start import IdentityStart

OWN = (
    CBAM,
    ChannelAttention,
    GatedChannelTransform,
    IdentityStart,
    MultiScaleChannelAttention,
    ResidualAttention,
    SpatialAttention,
    SpatialGroupEnhance,
    SqueezeExcite,
)

LARGEST = 64  # calls; a gate is a handful of them


def gates(model: keras.Model) -> list[str]:
    """Return the paths of what gates a map by all of its positions.

    A gate is a product of a map and of something with one value a channel, that
    has been made of this map alone, with kernels on the way (a squeeze and
    excitation, whoever wrote it); or a layer of this package that gates.
    """
    found = []
    for path, _, graph in _graph.networks(model):
        layout = _graph.data_format(graph)
        found += [
            f"{path}{call.operation.name}"
            for call in graph.calls
            if isinstance(call.operation, OWN) or _is_gate(graph, call, layout)
        ]
    return list(dict.fromkeys(found))


def _is_gate(graph: Graph, call, layout: str) -> bool:
    if type(call.operation).__name__ != "Multiply" or len(call.inputs) != 2:
        return False
    return any(
        _is_pooled(gate.shape, x.shape, layout) and _is_made_of(graph, gate, x)
        for x, gate in (call.inputs, call.inputs[::-1])
    )


def _is_pooled(shape, of, layout: str) -> bool:
    """Return whether a shape has one value a channel of another."""
    size = _graph.spatial_size(shape, layout)
    return _graph.spatial_size(of, layout) is not None and (
        size is None or set(size) == {1}
    )


def _is_made_of(graph: Graph, gate, x) -> bool:
    """Return whether all ways back from a gate end at `x`, over kernels."""
    origin = graph.place(x)
    waiting = {graph.place(gate)}
    seen: set[int] = set()
    while waiting:
        place = waiting.pop()
        sources = set(graph.sources[place])
        if place < origin or not sources or len(seen) > LARGEST:
            return False
        seen.add(place)
        waiting |= sources - seen - {origin}
    return any(graph.with_kernel >> place & 1 for place in seen)
