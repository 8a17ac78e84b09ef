"""Insertion points: ends of stages."""

import itertools
from collections.abc import Iterator

import keras

from keras_attention.surgery import _graph
from keras_attention.surgery._graph import Graph


def stage_ends(model: keras.Model) -> list[str]:
    """Returns the names of the last layers of each stage of a network.

    A stage is what computes maps of one size, and contains weights. Its end is
    the last layer through which all ways from an input to an output go, before
    the map shrinks (a convolution or pooling with a stride; padding in front of
    it is not counted) or is pooled as a whole, or at the output. It is found by
    the graph and the shapes, not by names. Sizes that the model leaves open are
    taken to be 256.

    Args:
        model: Functional or Sequential model. Models in it are looked through,
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


def _names(model, path, ends_here) -> Iterator[str]:
    """Yield the paths of ends, that at the output only if a stage ends here."""
    graph = Graph(model)
    ends, _ = _ends(graph)
    for place, call in enumerate(graph.calls):
        name = f"{path}{call.operation.name}"
        is_end = place in ends and (ends_here or place not in graph.outputs)
        is_end = is_end and len(call.outputs) == 1
        if _graph.is_network(call.operation):
            yield from _names(call.operation, f"{name}/", is_end)
        elif is_end:
            yield name


def _ends(graph: Graph) -> tuple[set[int], bool]:
    """Return the calls at which stages end, those at outputs included.

    And whether one of them is as large as what comes in.
    """
    layout = _graph.data_format(graph)
    sizes = [
        _graph.spatial_size(shape, layout)
        for shape in _graph.shapes(graph, layout)
    ]
    ends = {
        (source, end)
        for source in graph.inputs
        for target in graph.outputs
        if sizes[source] and graph.ancestors[target] >> source & 1
        for end in _ends_of(graph, source, target, sizes)
    }
    goes_on = any(sizes[source] == sizes[end] for source, end in ends)
    return {end for _, end in ends}, goes_on


def _ends_of(graph, source, target, sizes) -> Iterator[int]:
    """Yield the ends of stages between an input and an output."""
    trunk = _trunk(graph, source, target)[1:]
    maps = list(
        itertools.takewhile(
            lambda place: sizes[place] and not _pools_all(graph, place), trunk
        )
    )
    end, size = source, sizes[source]
    seen = graph.ancestors[source]

    def is_end(following):
        weights = graph.ancestors[end] & ~seen & graph.with_kernel
        return weights and not any(_goes_on_in(graph, p) for p in following)

    for place in maps:
        if _shrinks(size, sizes[place]):
            if is_end([place]):
                yield end
            seen = graph.ancestors[end]
        grows = max(sizes[place]) > max(size)
        if grows and not graph.with_kernel >> place & 1:
            continue  # padding
        end, size = place, sizes[place]
    if is_end(trunk[len(maps) :][:1]):
        yield end


def _goes_on_in(graph, place) -> bool:
    """Return whether a model begins with layers of the stage before it."""
    operation = graph.calls[place].operation
    return _graph.is_network(operation) and _ends(Graph(operation))[1]


def _shrinks(before, after) -> bool:
    """Return whether a size is smaller by more than a window at the border."""
    return any(3 * b <= 2 * a for a, b in zip(before, after, strict=False))


def _pools_all(graph, place) -> bool:
    return type(graph.calls[place].operation).__name__.startswith("Global")


def _trunk(graph: Graph, source: int, target: int) -> list[int]:
    """Return the calls that all ways from one call to another go through."""
    between = [
        place
        for place in range(source, target + 1)
        if graph.ancestors[place] >> source & 1
        and graph.ancestors[target] >> place & 1
    ]
    inside = set(between)
    trunk = []
    reach = source
    for place in between:
        if reach <= place:
            trunk.append(place)
        reach = max(
            reach, *(c for c in graph.consumers[place] if c in inside), place
        )
    return trunk
