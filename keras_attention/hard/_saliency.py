"""Saliency: gradient of the entropy of a prediction at each position."""

import keras
from keras import ops

from keras_attention.ops import derivatives
from keras_attention.ops import precision


def saliency(top, maps, channel_axis: int):
    r"""Return the norm of the gradient of the entropy of `top(maps)`.

    The norm is over the channels of each position. No gradient flows through
    the result.
    """

    def entropy(maps):
        # Updates of the network's state and its losses are dropped: on JAX
        # their tracers must not leave this function.
        frozen = [(v, ops.stop_gradient(v.value)) for v in top.variables]
        with keras.StatelessScope(frozen):
            p = precision.upcast(top(maps, training=False))
        return -ops.sum(p * ops.log(ops.maximum(p, 1e-10)))

    gradients = derivatives.gradient(entropy, ops.stop_gradient(maps))
    squares = ops.square(precision.upcast(gradients))
    return ops.sqrt(ops.sum(squares, axis=channel_axis) + 1e-8)
