"""Maths that several layers share, and the dtype it is safe in."""

import math

import keras
from keras import ops


def accumulable(x):
    """Return `x` in float32 or wider, so that sums of it do not overflow."""
    wide = keras.backend.standardize_dtype(x.dtype) == "float64"
    return x if wide else ops.cast(x, "float32")


def mean(x, axes: tuple[int, ...], keepdims: bool = False):
    """Return the mean over `axes`, in the dtype of `x`, from wide sums.

    `keras.ops.mean` would narrow float64 to float32 on JAX and PyTorch.
    """
    total = ops.sum(accumulable(x), axis=axes, keepdims=keepdims)
    return ops.cast(total / _count(total, x, axes), x.dtype)


def standardize(
    x, axes: tuple[int, ...], epsilon: float, *, unbiased: bool = True
):
    r"""Return `(x - mean) / (deviation + epsilon)` over `axes`.

    The deviation is :math:`\sqrt{\sum_i (x_i - \bar x)^2 / (N - 1)}`, or with
    :math:`N` for the divisor if it is not to be `unbiased`. Where all values
    are equal, or there is only one, the result is zero and so is its gradient.
    """
    centred = x - mean(x, axes, keepdims=True)
    squares = ops.sum(ops.square(centred), axis=axes, keepdims=True)
    count = _count(squares, x, axes)
    variance = squares / (ops.maximum(count - 1, 1) if unbiased else count)
    # The slope of the root is infinite at zero: take it elsewhere.
    varies = variance > 0
    deviation = ops.sqrt(ops.where(varies, variance, 1))
    return centred / (ops.where(varies, deviation, 0) + epsilon)


def _count(like, x, axes: tuple[int, ...]):
    """Return how many values of `x` one along `axes` is made of."""
    sizes = ops.shape(x)
    # Cast, as sizes that are unknown until run time are integer tensors.
    return ops.cast(math.prod(sizes[axis] for axis in axes), like.dtype)
