"""Insertion points: ends of stages."""

import itertools
from collections.abc import Iterator

import keras

from keras_attention.surgery import _graph
from keras_attention.surgery._graph import Graph


def stage_ends(model: keras.Model) -> list[str]:
    """Returns the names of the last layers of each stage of a network.

    A stage is a sequence of layers that compute maps of one size, at least one
    of them with weights. It ends before the map gets smaller (by a convolution
    or pooling with a stride), before global pooling, or at the output. Its end
    is the last layer there that all paths from an input to an output contain;
    padding before a convolution does not count.

    The stages are found in the graph and by the shapes, not by names. Unknown
    sizes of the input are taken to be 256.

    Args:
        model: Functional or Sequential model. Models inside it are searched,
            too.

    Returns:
        List for `where` of `keras_attention.attach`, as that of
        `keras_attention.branch_ends`.

    Raises:
        ValueError: If `model` is not a functional or Sequential model, or is
            not built.

    Example:

    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((8, 8, 3)),
    ...         keras.layers.Conv2D(4, 3, name="conv"),
    ...         keras.layers.ReLU(name="relu"),
    ...         keras.layers.MaxPooling2D(),
    ...         keras.layers.Conv2D(8, 1, name="last"),
    ...         keras.layers.GlobalAveragePooling2D(),
    ...     ]
    ... )
    >>> keras_attention.stage_ends(model)
    ['relu', 'last']
    """
    _graph.require_network(model)
    return list(dict.fromkeys(_names(model, "", True)))


def _names(model, path, ends_at_output) -> Iterator[str]:
    """Yield the paths of stage ends.

    The end at the output of the model is left out unless `ends_at_output`.
    """
    graph = Graph(model)
    ends, _ = _ends(graph)
    for node, call in enumerate(graph.calls):
        name = f"{path}{call.operation.name}"
        is_end = node in ends and (ends_at_output or node not in graph.outputs)
        is_end = is_end and len(call.outputs) == 1
        if _graph.is_network(call.operation):
            yield from _names(call.operation, f"{name}/", is_end)
        elif is_end:
            yield name


def _ends(graph: Graph) -> tuple[set[int], bool]:
    """Return the nodes at which stages end, those at outputs included.

    The second value is whether the map at one of these ends has the size of an
    input. The graph then continues the stage of the layers before it.
    """
    data_format = _graph.data_format(graph)
    sizes = [
        _graph.spatial_size(shape, data_format)
        for shape in _graph.shapes(graph)
    ]
    ends = {
        (source, end)
        for source in graph.inputs
        for target in graph.outputs
        if sizes[source] and graph.ancestors[target] >> source & 1
        for end in _ends_between(graph, source, target, sizes)
    }
    continues = any(sizes[source] == sizes[end] for source, end in ends)
    return {end for _, end in ends}, continues


def _ends_between(graph, source, target, sizes) -> Iterator[int]:
    """Yield the ends of stages between an input and an output."""
    trunk = _trunk(graph, source, target)[1:]
    maps = list(
        itertools.takewhile(
            lambda node: sizes[node] and not _is_global_pooling(graph, node),
            trunk,
        )
    )
    end, size = source, sizes[source]
    visited = graph.ancestors[source]

    def is_end(following):
        weights = graph.ancestors[end] & ~visited & graph.with_kernel
        return weights and not any(
            _continues_stage(graph, node) for node in following
        )

    for node in maps:
        if _shrinks(size, sizes[node]):
            if is_end([node]):
                yield end
            visited = graph.ancestors[end]
        grows = max(sizes[node]) > max(size)
        if grows and not graph.with_kernel >> node & 1:
            continue  # padding
        end, size = node, sizes[node]
    if is_end(trunk[len(maps) :][:1]):
        yield end


def _continues_stage(graph, node) -> bool:
    """Return whether a call is a model that continues the stage before it."""
    operation = graph.calls[node].operation
    return _graph.is_network(operation) and _ends(Graph(operation))[1]


def _shrinks(before, after) -> bool:
    """Return whether a size shrinks by a third or more.

    A convolution without padding makes a map slightly smaller, which does not
    end a stage.
    """
    return any(3 * b <= 2 * a for a, b in zip(before, after, strict=False))


def _is_global_pooling(graph, node) -> bool:
    return type(graph.calls[node].operation).__name__.startswith("Global")


def _trunk(graph: Graph, source: int, target: int) -> list[int]:
    """Return the calls that all paths from one call to another contain."""
    between = [
        node
        for node in range(source, target + 1)
        if graph.ancestors[node] >> source & 1
        and graph.ancestors[target] >> node & 1
    ]
    inside = set(between)
    trunk = []
    # The last node that a call before the current one passes its output to.
    farthest = source
    for node in between:
        if farthest <= node:
            trunk.append(node)
        farthest = max(
            farthest, *(c for c in graph.consumers[node] if c in inside), node
        )
    return trunk
