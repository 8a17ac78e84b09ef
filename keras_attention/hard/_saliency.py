"""What a prediction depends on."""

import keras
from keras import ops

from keras_attention.ops import derivatives
from keras_attention.ops import precision


def saliency(top, maps, channel_axis: int):
    r"""Return how much the entropy of `top(maps)` depends on each position.

    It is the norm of the gradient over channels, and a constant: no gradient
    goes through it.
    """

    def entropy(maps):
        # Nothing that the network remembers, or adds to the losses, is wanted
        # here, and on JAX none of it may leave this function.
        frozen = [(v, ops.stop_gradient(v.value)) for v in top.variables]
        with keras.StatelessScope(frozen):
            p = precision.upcast(top(maps, training=False))
        return -ops.sum(p * ops.log(ops.maximum(p, 1e-10)))

    slopes = derivatives.gradient(entropy, ops.stop_gradient(maps))
    squares = ops.square(precision.upcast(slopes))
    return ops.sqrt(ops.sum(squares, axis=channel_axis) + 1e-8)
