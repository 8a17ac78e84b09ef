"""Sums of samples at predicted locations, and convolutions of them.

Each group of channels has locations of its own.
"""

from keras import ops

from keras_attention._backend import native
from keras_attention.ops import _pixels
from keras_attention.ops import reshaping
from keras_attention.ops.sampling import weighted_gather


def grouped(maps, groups: int, data_format: str):
    """Reshape maps of either layout to (B * groups, H, W, C / groups)."""
    maps = reshaping.split_channels(maps, groups, data_format)
    order = (
        (0, 1, 3, 4, 2) if data_format == "channels_first" else (0, 3, 1, 2, 4)
    )
    return reshaping.merge_first(ops.transpose(maps, order))


def grouped_table(maps, groups: int):
    """Reshape maps (B, H, W, C) to (B, H * W * groups, C / groups)."""
    batch, height, width, channels = reshaping.shape(maps)
    shape = (batch, height * width * groups, channels // groups)
    return reshaping.reshape(maps, shape)


def weighted_samples(table, size, rows, columns, weights, start=0):
    """Weighted sums of samples of maps, bilinear and zero outside.

    Args:
        table: The maps by `grouped_table`, or the tables of several maps, one
            after the other.
        size: Height and width of the map, or of that of each point.
        rows: Rows of the samples in pixels, (B, locations, groups, points).
        columns: Columns of the samples, of the same shape.
        weights: Weights of the samples, of the same shape. The sums are over
            the points.
        start: The number of positions in the table before the map, or before
            that of each point.

    Returns:
        The sums, (B, locations, channels).
    """
    batch, locations, groups, _ = reshaping.shape(rows)
    group = ops.arange(groups, dtype="int32")[:, None]
    taps = _pixels.fading_taps(
        size, rows, columns, weights, groups, start * groups + group
    )
    sums = weighted_gather(table, taps)
    # Not -1: there may be no locations.
    shape = (batch, locations, groups * table.shape[-1])
    return reshaping.reshape(sums, shape)


@native
def deform(table, taps, kernel, *, groups, offset_groups):
    """Convolve samples of maps, to (B, locations, filters).

    The table is (B * offset groups, positions, channels per offset group). The
    taps `(index, weight)` are those of `weighted_gather` without points, each
    (B * offset groups, locations, kernel size). The kernel is (height, width,
    channels / groups, filters), and its dtype is the output's.
    """
    taps = [(index[..., None], weight[..., None]) for index, weight in taps]
    samples = ops.cast(weighted_gather(table, taps), kernel.dtype)
    _, locations, kernel_size, _ = reshaping.shape(samples)
    channels, filters = kernel.shape[-2], kernel.shape[-1] // groups
    if offset_groups > 1:
        shape = (
            -1,
            offset_groups,
            *reshaping.shape(samples)[1:3],
            samples.shape[-1],
        )
        samples = ops.transpose(ops.reshape(samples, shape), (0, 2, 3, 1, 4))
    if groups == 1:
        # Not `ops.matmul`, which narrows float64 to float32 on JAX and PyTorch.
        samples = ops.reshape(samples, (-1, kernel_size * channels))
        kernel = ops.reshape(kernel, (kernel_size * channels, filters))
        return ops.reshape(samples @ kernel, (-1, locations, filters))
    samples = ops.reshape(samples, (-1, kernel_size, groups, channels))
    samples = ops.transpose(samples, (2, 0, 1, 3))
    samples = ops.reshape(samples, (groups, -1, kernel_size * channels))
    kernel = ops.reshape(kernel, (kernel_size * channels, groups, filters))
    outputs = samples @ ops.transpose(kernel, (1, 0, 2))
    outputs = ops.transpose(outputs, (1, 0, 2))
    return ops.reshape(outputs, (-1, locations, groups * filters))
