"""Maths that several layers share, and the dtype it is safe in."""

import functools
import math

import keras
from keras import ops

from keras_attention import _backend

# The name of a dtype, which Keras takes a microsecond to find.
_dtype_name = functools.cache(keras.backend.standardize_dtype)


def accumulable(x):
    """Return `x` in float32 or wider, so that sums of it do not overflow."""
    wide = _dtype_name(x.dtype) == "float64"
    return x if wide else _backend.cast(x, "float32")


def upcast_float16(x):
    """Return `x`, in float32 if it is in float16.

    Sums over channels and positions leave the range of float16 where what they
    lead to, a gate for example, does not. The range of bfloat16 is wide enough.
    """
    if _dtype_name(x.dtype) != "float16":
        return x
    return accumulable(x)


def mean(x, axes: tuple[int, ...], keepdims: bool = False):
    """Return the mean over `axes`, in the dtype of `x`, from wide sums."""
    return _backend.cast(_backend.mean(accumulable(x), axes, keepdims), x.dtype)


def affine(dense, x):
    """Return the outputs of a dense layer for vectors, in their dtype.

    A call of a Keras layer takes longer than these products on eager PyTorch.
    Nothing that it does beside is needed, unless the layer is quantized.
    """
    if dense.quantization_mode:
        return _backend.cast(dense(x), x.dtype)
    kernel = _backend.cast(dense.kernel, x.dtype)
    bias = dense.bias
    if bias is not None:
        bias = _backend.cast(bias, x.dtype)
    return _backend.affine(x, kernel, bias)


def standardize(x, axes: tuple[int, ...], epsilon: float):
    r"""Return `(x - mean) / (deviation + epsilon)` over `axes`.

    The deviation is the unbiased one, :math:`\sqrt{\sum_i (x_i - \bar x)^2 /
    (N - 1)}`. Where all values are equal, or there is only one, the result is
    zero and so is its gradient.
    """
    centred, factor = center(x, axes, epsilon)
    return centred * factor


def center(x, axes: tuple[int, ...], epsilon):
    """Return the two factors of `standardize`: one as `x`, one a sample."""
    centred = x - mean(x, axes, keepdims=True)
    squares = _backend.total(ops.square(centred), axes, keepdims=True)
    count = _count(squares, x, axes)
    largest = max if isinstance(count, int) else ops.maximum
    variance = squares / largest(count - 1, 1)
    # The slope of the root is infinite at zero.
    deviation = ops.sqrt(variance + 1e-30)
    return centred, 1 / (deviation + epsilon)


def _count(like, x, axes: tuple[int, ...]):
    """Return how many values of `x` one along `axes` is made of."""
    sizes = ops.shape(x)
    count = math.prod(sizes[axis] for axis in axes)
    # Sizes that are unknown until run time are integer tensors.
    return count if isinstance(count, int) else _backend.cast(count, like.dtype)
