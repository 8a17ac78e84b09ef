"""Products of maps with kernels, in one dtype."""

from keras import ops

from keras_attention import _axes


def pointwise(x, kernel, bias, *, axis):
    """Return `kernel` applied to vectors along axis 1 or the last."""
    if axis == 1 and len(x.shape) == 3:
        return ops.matmul(ops.transpose(kernel), x) + bias[:, None]
    return ops.matmul(x, kernel) + bias


def conv2d(x, kernel, bias, *, strides, padding, dilation_rate, data_format):
    """Return a convolution. A `bias` may be `None`."""
    outputs = ops.conv(
        x,
        kernel,
        strides=strides,
        padding=padding,
        dilation_rate=dilation_rate,
        data_format=data_format,
    )
    if bias is None:
        return outputs
    return outputs + _axes.per_channel(bias, data_format, 4)
