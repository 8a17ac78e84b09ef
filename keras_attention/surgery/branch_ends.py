"""Insertion points: ends of residual branches."""

import keras

from keras_attention.surgery import _graph
from keras_attention.surgery._additions import additions


def branch_ends(model: keras.Model) -> list[str]:
    """Returns the names of the last layers of residual branches.

    This is where Squeeze-and-Excitation, CBAM and their likes go in a residual
    network: behind the last batch norm of a branch, before the shortcut is
    added. It is found by the graph, not by names. An addition is residual if
    what it adds goes back to one place in common, with weights on the way; the
    way with the fewest layers with kernels is the shortcut (a projection has
    fewer than the branch, too), all others are branches.

    Args:
        model: Functional or Sequential model. Models in it are looked through,
            too.

    Returns:
        List for `where` of `keras_attention.attach`, from the input on: names
        of layers, or of operations such as `a * b`; in a model within the
        model, the path of names to it, joined by `"/"`. It is empty if there is
        no residual addition.

    Raises:
        ValueError: If `model` is not a functional or Sequential model, or is
            not built.

    Example:

    >>> inputs = keras.Input((8, 8, 4))
    >>> x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    >>> x = keras.layers.BatchNormalization(name="norm")(x)
    >>> x = keras.layers.Add(name="add")([inputs, x])
    >>> keras_attention.branch_ends(keras.Model(inputs, x))
    ['norm']
    """
    _graph.require_network(model)
    return list(
        dict.fromkeys(
            f"{path}{graph.calls[graph.place(branch)].operation.name}"
            for path, _, graph in _graph.networks(model)
            for addition in additions(graph)
            for branch in addition.branches
        )
    )
