"""Sampling in `keras.ops`, over a gather of rows that a backend may replace.

A sampler is separable: along each axis it reads a few pixels, each at a weight,
and a value is the sum over all pairs of them. Only the gather depends on the
backend. No sum here is a matrix product, whose digits a GPU may drop.
"""

from keras import ops


def take_rows(maps, rows, columns):
    """Return the channels at `rows` and `columns`, both (B, H', W')."""
    batch, height, width, channels = ops.shape(maps)
    sample = ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1))
    flat = ops.reshape(maps, (-1, channels))
    return ops.take(flat, (sample * height + rows) * width + columns, axis=0)


def take_along(values, index, axis):
    """Return the values at an index of their own along an axis."""
    return ops.take_along_axis(values, index, axis)


def weighted_rows(maps, rows, columns, gather=take_rows):
    """Return the sum of what is read at each pair `(index, weight)` of taps."""
    return sum(
        gather(maps, row, column) * ops.expand_dims(by_row * by_column, -1)
        for row, by_row in rows
        for column, by_column in columns
    )


def in_bounds(taps, size):
    """Return taps `(pixel, weight)` as `(index, weight)`, 0 where outside.

    Indices are in bounds whatever the pixel is, as they are clipped after the
    cast to integers, of which NaN and huge numbers may make anything.
    """
    found = []
    for pixel, weight in taps:
        last = ops.cast(size - 1, pixel.dtype)
        inside = ops.logical_and(pixel >= 0, pixel <= last)
        index = bounded(ops.cast(pixel, "int32"), size)
        # A weight that is NaN shall stay so outside too. XLA would make a
        # choice of zeros of its product with `inside`.
        found.append((index, ops.where(inside, weight, 0 * weight)))
    return found


def bounded(index, size):
    """Return an index clipped to where there is something to read."""
    # Not `clip`: LiteRT's converter takes one from 0 to 6, of integers too, for
    # an activation, and then needs TensorFlow to run it.
    return ops.minimum(ops.maximum(index, 0), size - 1)


def linear(position):
    """Return the two taps of linear interpolation."""
    first = ops.floor(position)
    t = position - first
    return [(first, 1 - t), (first + 1, t)]


def grid_sample(
    maps,
    grid,
    *,
    interpolation,
    padding_mode,
    align_corners,
    data_format,
    weighted_rows=weighted_rows,
):
    """Return `maps` at the places of `grid`, both in float32 or float64."""
    if data_format == "channels_first":
        maps = ops.transpose(maps, (0, 2, 3, 1))
    settings = (interpolation, padding_mode, align_corners)
    _, height, width, _ = ops.shape(maps)
    columns = _taps(grid[..., 0], width, *settings)
    rows = _taps(grid[..., 1], height, *settings)
    outputs = weighted_rows(maps, rows, columns)
    if data_format == "channels_first":
        outputs = ops.transpose(outputs, (0, 3, 1, 2))
    return outputs


def _taps(coordinate, size, interpolation, padding_mode, align_corners):
    """Return the pixels that are read along one axis: `(index, weight)`."""
    length = ops.cast(size, coordinate.dtype)
    if align_corners:
        position = (coordinate + 1) / 2 * (length - 1)
    else:
        position = ((coordinate + 1) * length - 1) / 2
    if interpolation == "bicubic":
        # The pixels of the window are padded, not its centre.
        taps = [
            (_pad(pixel, length, padding_mode, align_corners), weight)
            for pixel, weight in _cubic(position)
        ]
    else:
        place = {"bilinear": linear, "nearest": _nearest}[interpolation]
        taps = place(_pad(position, length, padding_mode, align_corners))
    return in_bounds(taps, size)


def _pad(position, length, padding_mode, align_corners):
    """Move positions outside to where the padding finds their value."""
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
    # Not `clip`, whose slope at the ends depends on the backend: it is 0.
    last = length - 1
    upper = ops.where(position < last, position, last)
    return ops.where(position > 0, upper, ops.zeros_like(position))


def _nearest(position):
    # Half to even. The slope is there, and zero, where there is none to take.
    slope = ops.where(ops.isfinite(position), 0 * position, 0)
    return [(ops.round(position), 1 + slope)]


def _cubic(position):
    """Return the four taps of Keys' kernel of parameter -3/4."""
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
