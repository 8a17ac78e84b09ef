"""Bilinear sampling of maps at positions in pixels.

Maps are (B, H, W, channels). Rows and columns of samples begin with the batch,
and have the dtype of the maps. They are in pixels because the rounding of
normalized coordinates could move a whole pixel, where the gradient is
discontinuous.
"""

from keras import ops

from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reshaping
from keras_attention.ops import sampling


def fading_taps(size, rows, columns, weights=None, groups=1, start=0):
    """Return the taps of a map in a table, with zeros outside the map.

    At whole pixels the gradient is the one-sided one toward the next pixel, as
    in PyTorch.

    Args:
        size: Height and width of the map, or of that of each sample.
        rows: Rows of the samples in the map.
        columns: Columns of the samples in the map.
        weights: What the samples are multiplied by, or `None`.
        groups: The number of entries of the table for each position.
        start: The entry of the table for the first pixel of each sample.
    """
    height, width = size
    row_taps = _axis_taps(rows, height)
    if weights is not None:
        row_taps = [(index, weight * weights) for index, weight in row_taps]
    column_taps = _axis_taps(columns, width)
    return sampling.table_taps(row_taps, column_taps, width, groups, start)


def sample_clamped(maps, rows, columns):
    """Sample maps bilinearly, with positions clamped to the border.

    At whole pixels and outside the gradient is zero.
    """
    _, height, width, _ = reshaping.shape(maps)
    taps = sampling.table_taps(
        _clamped_taps(rows[..., None], height),
        _clamped_taps(columns[..., None], width),
        width,
    )
    return sampling.weighted_gather(sampling.as_table(maps), taps)


def sample_channels_clamped(maps, rows, columns, axes):
    """Sample each channel of maps at its own positions, clamped to the border.

    `axes` are the axes of rows and columns in the maps.
    """
    shape = reshaping.shape(maps)
    height, width = (shape[axis] for axis in axes)
    flat = (*shape[: axes[0]], height * width, *shape[axes[1] + 1 :])
    values = reshaping.reshape(maps, flat)
    top, bottom, to_bottom = _clamped_pixels(rows, height)
    left, right, to_right = _clamped_pixels(columns, width)

    def read(line, column):
        index = reshaping.reshape(line + column, flat)
        return reshaping.reshape(
            sampling.gather_along(values, index, axes[0]), shape
        )

    above, below = (
        elementwise.lerp(read(line, right), read(line, left), to_right)
        for line in (top * width, bottom * width)
    )
    return elementwise.lerp(below, above, to_bottom)


def _axis_taps(position, size):
    """Return the taps along one axis, with zeros outside."""
    # Infinity minus its floor would be NaN.
    outside = ops.logical_or(
        position < -1, position > precision.cast(size, position.dtype)
    )
    position = ops.where(outside, -2 * ops.ones_like(position), position)
    return sampling.in_bounds(sampling.linear(position), size)


def _clamped_taps(position, size):
    """Return the taps along one axis, clamped to its pixels."""
    first, second, t = _clamped_pixels(position, size)
    return [(first, 1 - t), (second, t)]


def _clamped_pixels(position, size):
    """Return the pixels beside a position, and the distance to the first.

    At whole pixels both are the same.
    """
    position = sampling.clamped(position, size)
    floor = ops.floor(position)
    # A distance that is NaN stays NaN, whatever the pixels.
    first, second = (
        sampling.bounded(precision.cast(pixel, "int32"), size)
        for pixel in (floor, ops.ceil(position))
    )
    return first, second, position - floor
