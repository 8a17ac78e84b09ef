"""Maths that several layers share, and the dtype it is safe in."""

import math

import keras
from keras import ops


def accumulable(x):
    """Return `x` in float32 or wider, so that sums of it do not overflow."""
    dtype = keras.backend.result_type(x.dtype, "float32")
    return ops.cast(x, dtype)


def standardize(x, axes: tuple[int, ...], epsilon: float):
    r"""Return `(x - mean) / (deviation + epsilon)` over `axes`.

    The deviation is the unbiased one, :math:`\sqrt{\sum_i (x_i - \bar x)^2 /
    (N - 1)}`. Where all values are equal, or there is only one, the result is
    zero and so is its gradient.
    """
    centred = x - ops.mean(x, axis=axes, keepdims=True)
    sizes = ops.shape(x)
    count = math.prod(sizes[axis] for axis in axes)
    degrees = ops.cast(ops.maximum(count - 1, 1), x.dtype)
    variance = ops.sum(ops.square(centred), axis=axes, keepdims=True) / degrees
    # The slope of the root is infinite at zero: take it elsewhere.
    varies = variance > 0
    deviation = ops.sqrt(ops.where(varies, variance, 1))
    return centred / (ops.where(varies, deviation, 0) + epsilon)
