"""Maths that several layers share, and the dtype it is safe in."""

import math

import keras
from keras import ops

from keras_attention import _backend


def accumulable(x):
    """Return `x` in float32 or wider, so that sums of it do not overflow."""
    wide = keras.backend.standardize_dtype(x.dtype) == "float64"
    return x if wide else ops.cast(x, "float32")


def mean(x, axes: tuple[int, ...], keepdims: bool = False):
    """Return the mean over `axes`, in the dtype of `x`, from wide sums.

    `keras.ops.mean` would narrow float64 to float32 on JAX and PyTorch.
    """
    total = _backend.total(accumulable(x), axes, keepdims)
    return ops.cast(total / _count(total, x, axes), x.dtype)


def affine(dense, x):
    """Return what a dense layer makes of vectors in its own dtype.

    A call of a Keras layer takes longer than these products on eager PyTorch.
    Nothing that it does beside is needed, unless the layer is quantized.
    """
    if dense.quantization_mode:
        return dense(x)
    return _backend.affine(x, dense.kernel, dense.bias)


def standardize(x, axes: tuple[int, ...], epsilon: float):
    r"""Return `(x - mean) / (deviation + epsilon)` over `axes`.

    The deviation is the unbiased one, :math:`\sqrt{\sum_i (x_i - \bar x)^2 /
    (N - 1)}`. Where all values are equal, or there is only one, the result is
    zero and so is its gradient.
    """
    centred = x - mean(x, axes, keepdims=True)
    squares = ops.sum(ops.square(centred), axis=axes, keepdims=True)
    variance = squares / ops.maximum(_count(squares, x, axes) - 1, 1)
    # The slope of the root is infinite at zero: take it elsewhere.
    varies = variance > 0
    deviation = ops.sqrt(ops.where(varies, variance, 1))
    return centred / (ops.where(varies, deviation, 0) + epsilon)


def _count(like, x, axes: tuple[int, ...]):
    """Return how many values of `x` one along `axes` is made of."""
    sizes = ops.shape(x)
    count = math.prod(sizes[axis] for axis in axes)
    # Sizes that are unknown until run time are integer tensors.
    return count if isinstance(count, int) else ops.cast(count, like.dtype)
