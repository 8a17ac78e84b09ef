"""Shapes of tensors."""

from keras import ops


def reshape(x, shape):
    """Return `x` in another shape.

    `keras.ops.reshape` looks into each number of the shape for a tensor, which
    on eager PyTorch takes longer than the sums of a small map.
    """
    return ops.reshape(x, shape)
