"""Sampling of maps at fractional locations.

Samplers are separable: along each axis they read a few pixels, each with a
weight. A pair of index and weight is called a tap. The taps of a sample are all
pairs of those of its two axes, and a sample is their weighted sum, as is a sum
of samples. Sums are not computed as matrix products, which GPUs may compute in
reduced precision.
"""

from keras import ops

from keras_attention._backend import native
from keras_attention.ops import reshaping


@native
def gather_positions(table, index):
    """Gather vectors of a table (B, positions, C) by index (B, ...)."""
    batch, positions, channels = reshaping.shape(table)
    first = ops.arange(batch, dtype="int32") * positions
    first = ops.reshape(first, (-1, *(1,) * (len(index.shape) - 1)))
    return ops.take(ops.reshape(table, (-1, channels)), first + index, axis=0)


def gather_pixels(maps, rows, columns):
    """Gather pixels with all channels by row and column, both (B, H', W')."""
    _, _, width, _ = reshaping.shape(maps)
    return gather_positions(as_table(maps), rows * width + columns)


def as_table(maps):
    """Merge rows and columns of maps (B, H, W, channels)."""
    batch, height, width, channels = reshaping.shape(maps)
    return ops.reshape(maps, (batch, height * width, channels))


@native
def gather_along(values, index, axis):
    """Gather values along an axis of a tensor of rank 3."""
    return ops.take_along_axis(values, index, axis)


@native
def weighted_gather(table, taps):
    """Weighted sums of positions of a table (B, positions, channels).

    Args:
        table: The values to read.
        taps: Pairs of index and weight, (B, ..., points). The sums are over all
            taps and over their points.

    Returns:
        The sums, (B, ..., channels).
    """
    samples = sum(
        gather_positions(table, index) * ops.expand_dims(weight, -1)
        for index, weight in taps
    )
    return ops.sum(samples, axis=-2)


def table_taps(rows, columns, width, groups=1, start=0):
    """Combine the taps of two axes of a map to taps of a table.

    The table has `groups` entries for each position of the map, which begin at
    the entry `start`.
    """
    lines = [(row * (width * groups) + start, by_row) for row, by_row in rows]
    columns = [(column * groups, by_column) for column, by_column in columns]
    return [
        (line + column, by_row * by_column)
        for line, by_row in lines
        for column, by_column in columns
    ]


def in_bounds(taps, size):
    """Convert taps `(pixel, weight)` to `(index, weight)`, 0 where outside.

    Indices are in bounds for any pixel: they are clipped after the cast to
    integers, whose result is undefined for NaN and huge numbers.
    """
    bounded_taps = []
    for pixel, weight in taps:
        last = ops.cast(size - 1, pixel.dtype)
        inside = ops.logical_and(pixel >= 0, pixel <= last)
        index = bounded(ops.cast(pixel, "int32"), size)
        # A NaN weight must stay NaN, also outside. XLA would compile a product
        # with `inside` to a selection of zeros.
        bounded_taps.append((index, ops.where(inside, weight, 0 * weight)))
    return bounded_taps


@native
def bounded(index, size):
    """Clip indices to the pixels of an axis."""
    # Not `clip`: LiteRT's converter takes a `clip` from 0 to 6 for a ReLU6 even
    # for integers, which then needs TensorFlow to run.
    return ops.minimum(ops.maximum(index, 0), size - 1)


@native
def clamped(position, size):
    """Move positions into an axis of pixels. NaN stays NaN."""
    last = ops.cast(size - 1, position.dtype)
    # Not `clip`, which on some backends returns a number for NaN.
    position = ops.where(position > last, last, position)
    return ops.where(position < 0, ops.zeros_like(position), position)


@native
def zero_outside(maps, is_inside):
    """Replace pixels by zeros, all channels of each. It may overwrite `maps`.

    A product with zero would be NaN where a pixel is infinite.
    """
    nothing = ops.zeros((), dtype=maps.dtype)
    return ops.where(is_inside[..., None], maps, nothing)


def linear(position):
    """Taps of linear interpolation."""
    first = ops.floor(position)
    t = position - first
    return [(first, 1 - t), (first + 1, t)]


@native
def interpolate(
    maps, grid, *, interpolation, padding_mode, align_corners, data_format
):
    """Sample maps at a grid of normalized locations, in float32 or float64."""
    if data_format == "channels_first":
        maps = ops.transpose(maps, (0, 2, 3, 1))
    settings = (interpolation, padding_mode, align_corners)
    _, height, width, _ = reshaping.shape(maps)
    columns = _taps(grid[..., 0, None], width, *settings)
    rows = _taps(grid[..., 1, None], height, *settings)
    outputs = weighted_gather(as_table(maps), table_taps(rows, columns, width))
    if data_format == "channels_first":
        outputs = ops.transpose(outputs, (0, 3, 1, 2))
    return outputs


def _taps(coordinate, size, interpolation, padding_mode, align_corners):
    """Taps along one axis, `(index, weight)`, of normalized coordinates."""
    length = ops.cast(size, coordinate.dtype)
    if align_corners:
        position = (coordinate + 1) / 2 * (length - 1)
    else:
        position = ((coordinate + 1) * length - 1) / 2
    if interpolation == "bicubic":
        # Padding applies to each pixel of the window, not to its center.
        taps = [
            (_pad(pixel, length, padding_mode, align_corners), weight)
            for pixel, weight in _cubic(position)
        ]
    else:
        taps_of = {"bilinear": linear, "nearest": _nearest}[interpolation]
        taps = taps_of(_pad(position, length, padding_mode, align_corners))
    return in_bounds(taps, size)


def _pad(position, length, padding_mode, align_corners):
    """Map positions outside of a map inside, by the padding mode."""
    if padding_mode == "zeros":
        return position
    if padding_mode == "reflection":
        # Reflect at 0 and `length - 1`, or half a pixel further out.
        low = 0.0 if align_corners else -0.5
        period = ops.maximum(2 * (length - 1 - 2 * low), 1)
        distance = position - low
        distance = ops.where(distance < 0, -distance, distance)
        distance = distance - ops.floor(distance / period) * period
        rest = period - distance
        position = ops.where(distance > rest, rest, distance) + low
    # Not `clip`, whose gradient at the bounds depends on the backend.
    last = length - 1
    upper = ops.where(position < last, position, last)
    return ops.where(position > 0, upper, ops.zeros_like(position))


def _nearest(position):
    # Rounds half to even. The gradient of the position is zero, not undefined.
    zero = ops.where(ops.isfinite(position), 0 * position, 0)
    return [(ops.round(position), 1 + zero)]


def _cubic(position):
    """Taps of cubic convolution (Keys, 1981) with parameter -3/4."""
    first = ops.floor(position)
    t = position - first
    return [
        (first - 1, _cubic_outer(1 + t)),
        (first, _cubic_inner(t)),
        (first + 1, _cubic_inner(1 - t)),
        (first + 2, _cubic_outer(2 - t)),
    ]


def _cubic_inner(distance):
    """Return the weight of a pixel at a distance of at most 1."""
    return (1.25 * distance - 2.25) * distance * distance + 1


def _cubic_outer(distance):
    """Return the weight of a pixel at a distance of 1 to 2."""
    return ((-0.75 * distance + 3.75) * distance - 6) * distance + 3
