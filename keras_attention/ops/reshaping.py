"""Reshaping of maps in either data format."""

import math

from keras import ops

from keras_attention._backend import native
from keras_attention._utils.data_formats import channel_axis
from keras_attention._utils.data_formats import spatial_axes
from keras_attention._utils.data_formats import spatial_size
from keras_attention.ops import precision


@native
def shape(x):
    """Sizes of a tensor; unknown ones are integer tensors on TensorFlow."""
    return ops.shape(x)


@native
def expand_dims(x, positions):
    """Insert axes of size 1 at non-negative positions."""
    return ops.expand_dims(x, positions)


@native
def reshape(x, shape):
    """Reshape a tensor."""
    return ops.reshape(x, shape)


@native
def pad(x, widths):
    """Add zeros before and after each axis, whose numbers are in pairs."""
    return ops.pad(x, widths)


def per_channel(vector, data_format: str, rank: int):
    """Reshape a vector of one value per channel to broadcast with a map."""
    axis = channel_axis(data_format, rank)
    return reshape(vector, (1,) * axis + (-1,) + (1,) * (rank - axis - 1))


def gate_of_channels(gate, x, axes):
    """Reshape and cast one vector per sample to multiply a map."""
    return expand_dims(precision.cast(gate, x.dtype), axes)


def split_channels(x, groups: int, data_format: str):
    """Split the channel axis into two: groups, and channels per group."""
    axis = channel_axis(data_format, len(x.shape))
    size = shape(x)
    channels_per_group = x.shape[axis] // groups
    return reshape(
        x, (*size[:axis], groups, channels_per_group, *size[axis + 1 :])
    )


def merge_first(x):
    """Merge the first two axes of a tensor."""
    return reshape(x, (-1, *shape(x)[2:]))


def merge_spatial_axes(x, data_format: str):
    """Merge the spatial axes of a map into one."""
    size = shape(x)
    if data_format == "channels_last":
        return reshape(x, (size[0], math.prod(size[1:-1]), size[-1]))
    return reshape(x, (*size[:2], math.prod(size[2:])))


def blocks_to_channels(x, data_format: str):
    """Move the positions of blocks of 2 x 2 (x 2 ...) to the channels.

    What is left is one axis of blocks. An odd last position is left out, unless
    it is the only one: then it is followed by a zero.
    """
    axes = spatial_axes(data_format, len(x.shape))
    size = shape(x)
    if any(not isinstance(size[axis], int) or size[axis] < 2 for axis in axes):
        x = pad(x, [(0, int(a in axes)) for a in range(len(x.shape))])
    counts = half_sizes(size, data_format)
    pairs = [number for count in counts for number in (count, 2)]
    used = [slice(0, 2 * count) for count in counts]
    blocks = range(axes[0], axes[0] + len(pairs), 2)
    inside = [axis + 1 for axis in blocks]
    total, inside_block = math.prod(counts), 2 ** len(axes)
    if data_format == "channels_last":
        x = reshape(x[:, *used], (size[0], *pairs, size[-1]))
        x = ops.transpose(x, (0, *blocks, *inside, len(pairs) + 1))
        return reshape(x, (size[0], total, inside_block * size[-1]))
    x = reshape(x[:, :, *used], (*size[:2], *pairs))
    x = ops.transpose(x, (0, *inside, 1, *blocks))
    return reshape(x, (size[0], inside_block * size[1], total))


def half_sizes(size, data_format: str) -> tuple:
    """Return half of the spatial sizes, rounded down, and at least 1."""
    return tuple(block_count(n, 2) for n in spatial_size(size, data_format))


def block_count(length, side: int):
    """Return the number of whole blocks along an axis, and at least 1."""
    # 1 if the axis is shorter than a block. Not the maximum: the length may be
    # a tensor.
    is_shorter = ((side - 1) // length + side - 1) // side
    return length // side + is_shorter


def split_spatial_axis(x, size, data_format: str):
    """Split the one spatial axis into those of a map of these sizes."""
    batch, *others = shape(x)
    if data_format == "channels_last":
        return reshape(x, (batch, *size, others[1]))
    return reshape(x, (batch, others[0], *size))


def from_channels_last(x, data_format: str):
    """Transpose a channels-last map to a data format."""
    if data_format == "channels_last":
        return x
    # PyTorch writes a negative source into ONNX files, which are then invalid.
    return ops.moveaxis(x, len(x.shape) - 1, 1)


def to_channels_last(x, data_format: str):
    """Transpose a map from a data format to channels last."""
    return x if data_format == "channels_last" else ops.moveaxis(x, 1, -1)
