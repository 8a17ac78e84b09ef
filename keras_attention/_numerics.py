"""Maths that several layers share, and the dtype it is safe in."""

import math

import keras
from keras import ops

from keras_attention import _backend


def accumulable(x):
    """Return `x` in float32 or wider, so that sums of it do not overflow."""
    wide = keras.backend.standardize_dtype(x.dtype) == "float64"
    return x if wide else _backend.cast(x, "float32")


def mean(x, axes: tuple[int, ...], keepdims: bool = False):
    """Return the mean over `axes`, in the dtype of `x`, from wide sums."""
    return _backend.cast(_backend.mean(accumulable(x), axes, keepdims), x.dtype)


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
    centred, factor = centre(x, axes, epsilon)
    return centred * factor


def centre(x, axes: tuple[int, ...], epsilon: float):
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
