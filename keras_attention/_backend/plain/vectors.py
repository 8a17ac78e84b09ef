"""Products of vectors."""

from keras import ops


def affine(x, kernel, bias=None):
    """Return vectors times a matrix, plus a vector if there is one.

    On PyTorch this is one call, where `keras.ops` makes a dozen.
    """
    products = ops.matmul(x, kernel)
    return products if bias is None else products + bias
