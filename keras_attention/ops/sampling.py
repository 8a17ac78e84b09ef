"""Sampling of maps at locations between their pixels.

A sampler is separable: along each axis it reads a few pixels, each with a
weight, and a sample is the sum over all pairs of them. These pairs of index and
weight are called taps. No sum is a matrix product, as GPUs may round these.
"""

from keras import ops

from keras_attention._backend import native


@native
def gather_pixels(maps, rows, columns):
    """Read the channels of pixels by their row and column, both (B, H', W')."""
    batch, height, width, channels = ops.shape(maps)
    sample = ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1))
    flat = ops.reshape(maps, (-1, channels))
    return ops.take(flat, (sample * height + rows) * width + columns, axis=0)


@native
def gather_along(values, index, axis):
    """Read values by an index of their own along an axis, of rank 3."""
    return ops.take_along_axis(values, index, axis)


@native
def weighted_gather(maps, rows, columns):
    """Weighted sum of the pixels at all pairs of taps `(index, weight)`."""
    return sum(
        gather_pixels(maps, row, column)
        * ops.expand_dims(row_weight * column_weight, -1)
        for row, row_weight in rows
        for column, column_weight in columns
    )


def in_bounds(taps, size):
    """Convert taps `(pixel, weight)` to `(index, weight)`, 0 where outside.

    Indices are in bounds for any pixel, as they are clipped after the cast to
    integers, of which NaN and huge numbers may make anything.
    """
    bounded_taps = []
    for pixel, weight in taps:
        last = ops.cast(size - 1, pixel.dtype)
        inside = ops.logical_and(pixel >= 0, pixel <= last)
        index = bounded(ops.cast(pixel, "int32"), size)
        # A weight that is NaN shall stay so outside too. XLA would make a
        # choice of zeros of its product with `inside`.
        bounded_taps.append((index, ops.where(inside, weight, 0 * weight)))
    return bounded_taps


def bounded(index, size):
    """Clip an index to those of the pixels of an axis."""
    # Not `clip`: LiteRT's converter takes one from 0 to 6, of integers too, for
    # an activation, and then needs TensorFlow to run it.
    return ops.minimum(ops.maximum(index, 0), size - 1)


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
    _, height, width, _ = ops.shape(maps)
    columns = _taps(grid[..., 0], width, *settings)
    rows = _taps(grid[..., 1], height, *settings)
    outputs = weighted_gather(maps, rows, columns)
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
        # The pixels of the window are padded, not its center.
        taps = [
            (_pad(pixel, length, padding_mode, align_corners), weight)
            for pixel, weight in _cubic(position)
        ]
    else:
        taps_of = {"bilinear": linear, "nearest": _nearest}[interpolation]
        taps = taps_of(_pad(position, length, padding_mode, align_corners))
    return in_bounds(taps, size)


def _pad(position, length, padding_mode, align_corners):
    """Move positions outside of a map to those whose value they have."""
    if padding_mode == "zeros":
        return position
    if padding_mode == "reflection":
        # At 0 and `length - 1`, or half a pixel further out.
        low = 0.0 if align_corners else -0.5
        period = ops.maximum(2 * (length - 1 - 2 * low), 1)
        distance = position - low
        distance = ops.where(distance < 0, -distance, distance)
        distance = distance - ops.floor(distance / period) * period
        rest = period - distance
        position = ops.where(distance > rest, rest, distance) + low
    # Not `clip`, whose gradient at the ends depends on the backend.
    last = length - 1
    upper = ops.where(position < last, position, last)
    return ops.where(position > 0, upper, ops.zeros_like(position))


def _nearest(position):
    # Rounds half to even. The position has a gradient, which is zero.
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
    """Weight of a pixel at a distance of at most 1."""
    return (1.25 * distance - 2.25) * distance * distance + 1


def _cubic_outer(distance):
    """Weight of a pixel at a distance of 1 to 2."""
    return ((-0.75 * distance + 3.75) * distance - 6) * distance + 3
