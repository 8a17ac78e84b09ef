"""Reshaping of maps in either data format."""

import math

from keras import ops

from keras_attention._backend import native
from keras_attention._utils.data_formats import channel_axis
from keras_attention.ops import precision


@native
def expand_dims(x, positions):
    """Insert axes of size 1 at non-negative positions."""
    return ops.expand_dims(x, positions)


@native
def reshape(x, shape):
    """Reshape a tensor."""
    return ops.reshape(x, shape)


def per_channel(vector, data_format: str, rank: int):
    """Reshape a vector of one value per channel to broadcast with a map."""
    axis = channel_axis(data_format, rank)
    return reshape(vector, (1,) * axis + (-1,) + (1,) * (rank - axis - 1))


def gate_of_channels(gate, x, axes):
    """Reshape and cast one vector a sample to multiply a map."""
    return expand_dims(precision.cast(gate, x.dtype), axes)


def split_channels(x, groups: int, data_format: str):
    """Split the channel axis into two: groups, and channels per group."""
    axis = channel_axis(data_format, len(x.shape))
    size = ops.shape(x)
    channels_per_group = x.shape[axis] // groups
    return reshape(
        x, (*size[:axis], groups, channels_per_group, *size[axis + 1 :])
    )


def merge_spatial_axes(x, data_format: str):
    """Merge the spatial axes of a map into one."""
    size = ops.shape(x)
    if data_format == "channels_last":
        return reshape(x, (size[0], math.prod(size[1:-1]), size[-1]))
    return reshape(x, (*size[:2], math.prod(size[2:])))


def from_channels_last(x, data_format: str):
    """Transpose a channels-last map to a data format."""
    if data_format == "channels_last":
        return x
    # PyTorch writes a negative source into ONNX files, which are then invalid.
    return ops.moveaxis(x, len(x.shape) - 1, 1)


def to_channels_last(x, data_format: str):
    """Transpose a map from a data format to channels last."""
    return x if data_format == "channels_last" else ops.moveaxis(x, 1, -1)
