"""Products of vectors with a matrix."""

from keras import ops

from keras_attention._backend import native


@native
def dense(x, kernel, bias=None):
    """Product of vectors with a matrix, plus an optional bias."""
    products = ops.matmul(x, kernel)
    return products if bias is None else products + bias


@native
def pointwise(x, kernel, bias, *, axis):
    """Dense layer along axis 1 or the last axis of a map; optional bias."""
    if axis == 1 and len(x.shape) == 3:
        products = ops.matmul(ops.transpose(kernel), x)
        bias = None if bias is None else bias[:, None]
    else:
        products = ops.matmul(x, kernel)
    return products if bias is None else products + bias
