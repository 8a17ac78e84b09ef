"""Saliency: how much a prediction depends on each position."""

import keras
from keras import ops

from keras_attention.ops import derivatives
from keras_attention.ops import precision


def saliency(top, maps, channel_axis: int):
    r"""Norm of the gradient of the entropy of `top(maps)` at each position.

    The norm is over channels. It is a constant: no gradient goes through it.
    """

    def entropy(maps):
        # Updates of the network's state and losses are dropped: on JAX they
        # must not leave this function.
        frozen = [(v, ops.stop_gradient(v.value)) for v in top.variables]
        with keras.StatelessScope(frozen):
            p = precision.upcast(top(maps, training=False))
        return -ops.sum(p * ops.log(ops.maximum(p, 1e-10)))

    gradients = derivatives.gradient(entropy, ops.stop_gradient(maps))
    squares = ops.square(precision.upcast(gradients))
    return ops.sqrt(ops.sum(squares, axis=channel_axis) + 1e-8)
