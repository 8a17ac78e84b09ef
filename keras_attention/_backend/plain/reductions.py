"""Reductions of maps, and what multiplies them."""

import math

from keras import ops


def total(x, axes, keepdims=False):
    """Return the sum over `axes` in the dtype of `x`.

    TensorFlow takes neighbours for one axis, for which XLA has a quicker loop:
    the training step of a gate of channels takes a third of the time.
    """
    return ops.sum(x, axis=axes, keepdims=keepdims)


def mean(x, axes, keepdims=False):
    """Return the mean over `axes` in the dtype of `x`.

    `keras.ops.mean` would narrow float64 to float32 on JAX.
    """
    sizes = ops.shape(x)
    count = math.prod(sizes[axis] for axis in axes)
    # Cast, as sizes that are unknown until run time are integer tensors.
    return total(x, axes, keepdims) / ops.cast(count, x.dtype)


def largest(x, axes, keepdims=False):
    """Return the maximum over `axes`; equal ones share the gradient."""
    return ops.max(x, axis=axes, keepdims=keepdims)


def scale(x, gate, axes):
    """Return `x` times a gate of size 1 along `axes`.

    TensorFlow takes neighbours for one axis, as in `total`.
    """
    return x * gate


def dots(x, y, axis):
    """Return the sum of `x * y` over `axis`, which stays; `y` broadcasts.

    JAX's XLA on CPUs has no quick loop for a sum over a few numbers that are
    neighbours in memory. Their slices added up, and gradients that take the
    same way, make a training step of groups of 8 a third as long. The axis
    stays as TensorFlow's would sum anew for each use otherwise.
    """
    return ops.sum(x * y, axis=axis, keepdims=True)
