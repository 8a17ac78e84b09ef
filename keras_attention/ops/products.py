"""Products of vectors with a matrix."""

from keras import ops

from keras_attention._backend import native
from keras_attention.ops.reshaping import reshape


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


@native
def grouped_dense(x, kernel, bias, *, groups: int):
    """Dense layer of vectors in groups; the kernel has those of all groups."""
    inputs, units = kernel.shape
    x = reshape(x, (-1, groups, inputs))
    kernel = reshape(kernel, (inputs, groups, units // groups))
    outputs = ops.einsum("ngi,igo->ngo", x, kernel)
    return reshape(outputs, (-1, units)) + bias


@native
def weighted_sum(x, weights, *, axis):
    """Sum of the positions of a map, each times its weight.

    The channels of the map are on axis 1 or 2, and its positions have the other
    one. The weights are (batch, positions).
    """
    if axis == 1:
        return ops.matmul(x, weights[:, :, None])[:, :, 0]
    return ops.matmul(weights[:, None], x)[:, 0]
