"""Convolutions of maps, in one dtype."""

import numpy as np
from keras import ops

from keras_attention._backend import native
from keras_attention._utils.data_formats import channel_axis
from keras_attention._utils.data_formats import spatial_axes
from keras_attention.ops.reshaping import pad
from keras_attention.ops.reshaping import per_channel


@native
def conv2d(x, kernel, bias, *, strides, padding, dilation_rate, data_format):
    """Convolve a map, in groups if it has more channels than the kernel.

    `padding` is `"same"`, `"valid"`, or pairs of the numbers of zeros before
    and after each spatial axis.
    """
    settings = {
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation_rate,
        "data_format": data_format,
    }
    channels = x.shape[channel_axis(data_format, 4)]
    if 1 < channels == kernel.shape[-1] and kernel.shape[-2] == 1:
        return depthwise_conv2d(x, kernel, bias, **settings)
    least = channels_per_block(x)
    if least and channels != kernel.shape[-2]:
        return grouped_conv2d(x, kernel, bias, least=least, **settings)
    x, settings["padding"] = _padded(x, padding, data_format)
    outputs = ops.conv(x, kernel, **settings)
    if bias is None:
        return outputs
    return outputs + per_channel(bias, data_format, 4)


@native
def depthwise_conv2d(
    x, kernel, bias, *, strides, padding, dilation_rate, data_format
):
    """Convolve each channel of a map by itself. The kernel is (h, w, 1, C)."""
    settings = {
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation_rate,
        "data_format": data_format,
    }
    if least := channels_per_block(x):
        return grouped_conv2d(x, kernel, bias, least=least, **settings)
    x, settings["padding"] = _padded(x, padding, data_format)
    outputs = ops.conv(x, kernel, **settings)
    if bias is None:
        return outputs
    return outputs + per_channel(bias, data_format, 4)


def _padded(x, padding, data_format: str):
    """Return a map and a padding by name, the map padded if it has none."""
    if isinstance(padding, str):
        return x, padding
    widths = [(0, 0)] * 4
    for axis, pads in zip(spatial_axes(data_format, 4), padding, strict=True):
        widths[axis] = pads
    return pad(x, widths), "valid"


@native
def channels_per_block(x) -> int:
    """Return the minimum channels per block of groups; 0 for no blocks."""
    return 0


def grouped_conv2d(x, kernel, bias, *, least, data_format, **settings):
    """Grouped convolution as a few convolutions of blocks of groups.

    XLA on CPUs computes many small groups at a tenth of the speed of one group,
    and their gradients at a hundredth. Therefore adjacent groups are merged
    into blocks of at least `least` channels, at most `512 // least` blocks. The
    kernel of a block is zero between different groups.
    """
    axis = channel_axis(data_format, 4)
    channels, filters = kernel.shape[-2:]
    groups = x.shape[axis] // channels
    joined = next(
        count
        for count in range(1, groups + 1)
        if groups % count == 0
        and groups // count <= 512 // least
        and (count == groups or count * channels >= least)
    )
    blocks = groups // joined
    if joined > 1:
        own = np.eye(joined).repeat(channels, 0).repeat(filters // groups, 1)
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
    return outputs + per_channel(bias, data_format, 4)


@native
def conv2d_few_channels(planes, kernel):
    """Convolve planes (B, H, W), the channels of a map, to one plane.

    The kernel is (n, n, planes, 1). Convolution libraries are slow for few
    channels, as most of the time is spent on changing the memory layout.
    """
    stacked = ops.stack(planes, axis=-1)
    sums = ops.conv(
        stacked, kernel, padding="same", data_format="channels_last"
    )
    return ops.squeeze(sums, -1)
