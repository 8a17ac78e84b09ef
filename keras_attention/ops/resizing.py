"""Pooling and resizing. Linear resizing multiplies by small matrices.

`keras.ops.image.resize` has no aligned corners, which published networks use,
and is for images only.
"""

import math
import string
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention._backend import native
from keras_attention._utils.data_formats import spatial_axes
from keras_attention.ops import reshaping
from keras_attention.ops.reshaping import block_count
from keras_attention.ops.reshaping import from_channels_last
from keras_attention.ops.reshaping import pad
from keras_attention.ops.reshaping import reshape
from keras_attention.ops.reshaping import to_channels_last


@native
def max_pool(x, *, data_format):
    """Max pooling of 3x3 windows with a stride of 2 and `"same"` padding."""
    return ops.max_pool(
        x, 3, strides=2, padding="same", data_format=data_format
    )


def block_max_pool(x, size, side: int, *, data_format: str):
    """Max pooling of blocks of a map whose positions have one axis.

    Blocks extend along the last two spatial axes, or the only one. Positions
    after the last whole block are left out. A map that is smaller than a block
    is one block.

    Args:
        x: The map, of rank 3.
        size: The sizes of its spatial axes.
        side: The side of a block.
        data_format: The data format of the map.
    """
    x = to_channels_last(x, data_format)
    batch, _, channels = reshaping.shape(x)
    # TensorFlow has no pooling of volumes in float64.
    x = reshape(x, (-1, *size[-2:], channels))
    for axis, length in enumerate(size[-2:], 1):
        if not isinstance(length, int) or length < side:
            # A block beyond the edge repeats the last position.
            before = (slice(None),) * axis
            last = x[*before, -1:]
            x = ops.concatenate([x, *[last] * (side - 1)], axis=axis)
            x = x[*before, : block_count(length, side) * side]
    # TensorFlow on some CPUs pools channels-last maps only.
    block = (side,) * len(size[-2:])
    x = ops.max_pool(x, block, strides=block, data_format="channels_last")
    # Not -1: the batch may be empty.
    x = reshape(x, (batch, math.prod(block_counts(size, side)), channels))
    return from_channels_last(x, data_format)


def block_counts(size, side: int) -> tuple:
    """Return the number of blocks along each axis of a map."""
    return (*size[:-2], *(block_count(length, side) for length in size[-2:]))


@native
def average_pool(x, factor):
    """Average pooling of windows of `factor` x `factor`, channels last."""
    return ops.average_pool(
        x, factor, strides=factor, data_format="channels_last"
    )


@native
def resize_linear(x, size, *, align_corners: bool, data_format: str):
    """Resize maps of any rank by linear interpolation along each axis.

    With `align_corners`, the centers of the corner pixels are aligned,
    otherwise the corners of the maps. `keras.ops.image.resize` has no
    `align_corners`.
    """
    letters = string.ascii_lowercase[: len(x.shape)]
    is_float64 = keras.backend.standardize_dtype(x.dtype) == "float64"
    for axis, new in _axes_and_sizes(x, size, data_format):
        weights = _weights(
            reshaping.shape(x)[axis],
            new,
            align_corners,
            "float64" if is_float64 else "float32",
        )
        old = letters[axis]
        x = ops.einsum(
            f"z{old},{letters}->{letters.replace(old, 'z')}",
            ops.cast(weights, x.dtype),
            x,
        )
    return x


@native
def resize_nearest(x, size, *, data_format: str):
    """Resize maps: row `i` is row `floor(i * old / new)` of the old rows.

    These are PyTorch's rows. `keras.ops.image.resize` has those of half-pixel
    centers.
    """
    for axis, new in _axes_and_sizes(x, size, data_format):
        old = reshaping.shape(x)[axis]
        if not _are_known(old, new):
            index = ops.arange(new, dtype="int32") * old // new
        elif new % old == 0:
            x = ops.repeat(x, new // old, axis=axis)
            continue
        else:
            index = np.arange(new) * old // new
        x = ops.take(x, index, axis=axis)
    return x


@native
def window_means(x, extent: int, *, data_format: str):
    """Means of windows around every `extent`-th position.

    The side of a window is `2 * extent - 1`. The positions beyond the edge of
    the map are no part of it.
    """
    side = 2 * extent - 1
    axes = spatial_axes(data_format, 4)
    widths = [(extent - 1,) * 2 if a in axes else (0, 0) for a in range(4)]
    outputs = ops.average_pool(
        pad(x, widths), side, strides=extent, data_format=data_format
    )
    for axis in axes:
        count = _count_in_windows(reshaping.shape(x)[axis], extent)
        shape = [-1 if a == axis else 1 for a in range(4)]
        share = ops.cast(side / count, x.dtype)
        outputs = outputs * ops.reshape(share, shape)
    return outputs


def _count_in_windows(size, extent: int):
    """Return the number of positions in each window, along one axis."""
    maths: Any = np if isinstance(size, int) else ops
    middle = maths.arange((size + extent - 1) // extent) * extent
    first = maths.maximum(middle - (extent - 1), 0)
    last = maths.minimum(middle + (extent - 1), size - 1)
    return last - first + 1


def _axes_and_sizes(x, size, data_format: str):
    """Return each spatial axis of a map, with its new size."""
    axes = spatial_axes(data_format, len(x.shape))
    return zip(axes, size, strict=True)


def _are_known(*sizes) -> bool:
    """Return whether no size is a tensor, as in a traced function."""
    return all(isinstance(size, int) for size in sizes)


def _weights(old, new, align_corners: bool, dtype: str):
    """Return the weights of `old` pixels in `new` pixels, along one axis."""
    # The weights are a constant unless a size is a tensor.
    maths: Any = np if _are_known(old, new) else ops
    sources = maths.arange(old, dtype=dtype)
    targets = maths.arange(new, dtype=dtype)
    if align_corners:
        locations = targets * sources[-1] / maths.maximum(targets[-1], 1)
    else:
        scale = (sources[-1] + 1) / (targets[-1] + 1)
        locations = maths.clip((targets + 0.5) * scale - 0.5, 0, sources[-1])
    return maths.maximum(1 - maths.abs(locations[:, None] - sources), 0)
