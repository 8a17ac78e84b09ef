"""Insertion points: ends of residual blocks."""

import keras

from keras_attention.surgery import _graph
from keras_attention.surgery._additions import additions
from keras_attention.surgery._graph import Graph


def block_ends(model: keras.Model) -> list[str]:
    """Returns the names of the last layers of residual blocks.

    The last layer is the residual addition. If an activation is the only layer
    that uses the sum, it is the activation. The blocks are found in the graph,
    not by names; `keras_attention.branch_ends` describes which additions are
    residual.

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
            f"{path}{graph.calls[_end(graph, node)].operation.name}"
            for path, _, graph in _graph.networks(model)
            for node in (
                graph.node(a.call.outputs[0]) for a in additions(graph)
            )
        )
    )


def _end(graph: Graph, node: int) -> int:
    """Return the last call of the block that ends with an addition."""
    while len(graph.consumers[node]) == 1 and node not in graph.outputs:
        (consumer,) = graph.consumers[node]
        if not _is_elementwise(graph, consumer):
            break
        node = consumer
    return node


def _is_elementwise(graph: Graph, node: int) -> bool:
    """Return whether a call has no weights and keeps the shape of its input."""
    call = graph.calls[node]
    return (
        not _graph.is_network(call.operation)
        and len(call.inputs) == len(call.outputs) == 1
        and not getattr(call.operation, "weights", ())
        and tuple(call.inputs[0].shape) == tuple(call.outputs[0].shape)
    )
