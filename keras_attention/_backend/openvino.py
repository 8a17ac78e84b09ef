"""Native forms for OpenVINO: workarounds for wrong matrix products.

OpenVINO 2026.4 returns wrong numbers on CPUs for some products of matrices that
contain a transposition and follow a convolution. The native forms use products
without a transposition, of arrays of rank 4, or convolutions.
"""

from keras import ops


def matmul(definition, x, y):
    """Product of matrices, with one axis more than they have."""
    if len(x.shape) != 3:
        return definition(x, y)
    return ops.matmul(x[:, None], y[:, None])[:, 0]


def pointwise(definition, x, kernel, bias, *, axis):
    """Dense layer along axis 1 or the last one; along axis 1, a convolution."""
    if axis != 1 or len(x.shape) != 3:
        return definition(x, kernel, bias, axis=axis)
    outputs = ops.conv(x, kernel[None], data_format="channels_first")
    return outputs if bias is None else outputs + bias[:, None]


def grouped_dense(definition, x, kernel, bias, *, groups):
    """Dense layer of vectors in groups, one product for each."""
    inputs, units = kernel.shape
    size = units // groups
    outputs = [
        ops.matmul(
            x[:, g * inputs : (g + 1) * inputs],
            kernel[:, g * size : (g + 1) * size],
        )
        for g in range(groups)
    ]
    return ops.concatenate(outputs, axis=-1) + bias
