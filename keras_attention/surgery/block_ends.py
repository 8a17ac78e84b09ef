"""Insertion points: ends of residual blocks."""

import keras

from keras_attention.surgery import _graph
from keras_attention.surgery._additions import additions
from keras_attention.surgery._graph import Graph


def block_ends(model: keras.Model) -> list[str]:
    """Returns the names of the last layers of residual blocks.

    This is the addition, or the activation after it where that is all that sees
    the sum. It is found by the graph, not by names; which additions are
    residual, `keras_attention.branch_ends` says.

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

    >>> inputs = keras.Input((8, 8, 4))
    >>> x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    >>> x = keras.layers.Add(name="add")([inputs, x])
    >>> x = keras.layers.ReLU(name="relu")(x)
    >>> keras_attention.block_ends(keras.Model(inputs, x))
    ['relu']
    """
    _graph.require_network(model)
    return list(
        dict.fromkeys(
            f"{path}{graph.calls[_end(graph, place)].operation.name}"
            for path, _, graph in _graph.networks(model)
            for place in (
                graph.place(a.call.outputs[0]) for a in additions(graph)
            )
        )
    )


def _end(graph: Graph, place: int) -> int:
    """Return the call after which nothing but the next block follows."""
    while len(graph.consumers[place]) == 1 and place not in graph.outputs:
        (following,) = graph.consumers[place]
        if not _activates(graph, following):
            break
        place = following
    return place


def _activates(graph: Graph, place: int) -> bool:
    """Return whether a call does something to each value by itself."""
    call = graph.calls[place]
    return (
        not _graph.is_network(call.operation)
        and len(call.inputs) == len(call.outputs) == 1
        and not getattr(call.operation, "weights", ())
        and tuple(call.inputs[0].shape) == tuple(call.outputs[0].shape)
    )
