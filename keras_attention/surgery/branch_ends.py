"""Insertion points: ends of residual branches."""

import keras

from keras_attention.surgery import _graph
from keras_attention.surgery._additions import additions


def branch_ends(model: keras.Model) -> list[str]:
    """Returns the names of the last layers of residual branches.

    Squeeze-and-Excitation, CBAM and similar layers are inserted here in a
    residual network: after the last batch normalization of a branch, before the
    shortcut is added. The branches are found in the graph, not by names.

    An addition is residual if all of its inputs depend on a common layer, with
    weights on a path in between. The path with the fewest layers with kernels
    is the shortcut, also where the shortcut is a projection. All other paths
    are branches.

    Args:
        model: Functional or Sequential model. Models inside it are searched,
            too.

    Returns:
        List for `where` of `keras_attention.attach`, in order from the input.
        It contains names of layers, or of operations such as `a * b`. For a
        layer in a model inside the model, it contains the path of names to it,
        joined by `"/"`. It is empty if there is no residual addition.

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
            f"{path}{graph.calls[graph.node(branch)].operation.name}"
            for path, _, graph in _graph.networks(model)
            for addition in additions(graph)
            for branch in addition.branches
        )
    )
