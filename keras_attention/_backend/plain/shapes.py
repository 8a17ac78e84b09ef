"""Shapes and dtypes of tensors."""

from keras import ops


def cast(x, dtype):
    """Return a tensor or variable in a dtype.

    Eager PyTorch's own takes a tenth of the time.
    """
    return ops.cast(x, dtype)


def expand_dims(x, axes):
    """Return `x` with new axes of size 1, which are not negative.

    Eager PyTorch's own takes a fifth of the time.
    """
    return ops.expand_dims(x, axes)


def reshape(x, shape):
    """Return `x` in another shape.

    Eager PyTorch's own takes a fifth of the time.
    """
    return ops.reshape(x, shape)
