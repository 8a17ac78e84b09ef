"""Products of maps with kernels, in one dtype."""

import numpy as np
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


def conv2d_of_blocks(x, kernel, bias, *, least=32, data_format, **settings):
    """Return a convolution in groups by a few that are not.

    XLA on CPUs convolves many small groups at a tenth of the speed of one, and
    takes their gradients at a hundredth. So neighbouring groups are joined to
    blocks of `least` channels or more, at most `512 // least`, whose kernels
    are zero where two groups meet.
    """
    axis = _axes.channel_axis(data_format, 4)
    members, filters = kernel.shape[-2:]
    groups = x.shape[axis] // members
    joined = next(
        count
        for count in range(1, groups + 1)
        if groups % count == 0
        and groups // count <= 512 // least
        and (count == groups or count * members >= least)
    )
    blocks = groups // joined
    if joined > 1:
        own = np.eye(joined).repeat(members, 0).repeat(filters // groups, 1)
        own = ops.tile(ops.cast(own, kernel.dtype), (1, blocks))
        kernel = ops.tile(kernel, (1, 1, joined, 1)) * own
    outputs = [
        conv2d(*parts, None, data_format=data_format, **settings)
        for parts in zip(
            ops.split(x, blocks, axis=axis),
            ops.split(kernel, blocks, axis=-1),
            strict=True,
        )
    ]
    outputs = ops.concatenate(outputs, axis=axis) if blocks > 1 else outputs[0]
    if bias is None:
        return outputs
    return outputs + _axes.per_channel(bias, data_format, 4)
