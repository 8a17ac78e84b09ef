"""Products of vectors with matrices, and weighted sums of positions."""

from keras import ops

from keras_attention._backend import native
from keras_attention.ops.reductions import softmax
from keras_attention.ops.reshaping import reshape


@native
def matmul(x, y):
    """Product of matrices, in the dtype of both."""
    return ops.matmul(x, y)


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


def weighted_sums(x, weights, *, axis):
    """Sums of the positions of a map, in each of which a unit weighs them.

    The weights are (batch, units, positions). The channels of the map are on
    axis 1 or 2, and its positions have the other one, which becomes that of the
    units.
    """
    if axis == 1:
        return matmul(x, ops.swapaxes(weights, 1, 2))
    return matmul(weights, x)


def pair_products(query, key, *, axis):
    """Products of each query with all keys.

    Queries and keys are the positions of maps whose channels are on axis 1 or
    2. The products are (batch, queries, keys).
    """
    if axis == 1:
        return matmul(ops.swapaxes(query, 1, 2), key)
    return matmul(query, ops.swapaxes(key, 1, 2))


def pair_weights(query, key, *, axis):
    """Softmax of `pair_products` over the keys."""
    return softmax(pair_products(query, key, axis=axis), 2)


@native
def attend(query, key, value, *, axis):
    """Sums of the values, weighted by `pair_weights`."""
    weights = pair_weights(query, key, axis=axis)
    return weighted_sums(value, weights, axis=axis)


def attend_linearly(query, key, value, *, axis):
    """Sums of the values, weighted by `pair_products`.

    The keys are multiplied by the values first, so that there is no array of
    pairs of positions.
    """
    if axis == 1:
        return matmul(matmul(value, ops.swapaxes(key, 1, 2)), query)
    return matmul(query, matmul(ops.swapaxes(key, 1, 2), value))
