"""PyTorch's own pooling and resizing, without copies to reorder axes."""

import torch

from keras_attention._backend.torch.padding import same
from keras_attention._backend.torch.padding import sizes_vary


def halve(x, *, data_format):
    """Return the maxima of 3x3 windows, every other one, of rank 4."""
    x = _channels_second(x, data_format)
    if sizes_vary():
        rows, columns = (same(size, 2, 3, 1) for size in x.shape[2:])
        x = torch.nn.functional.pad(x, (*columns, *rows), value=-torch.inf)
        outputs = torch.nn.functional.max_pool2d(x, 3, 2)
    else:
        # An odd size is padded at both ends, an even one at its end alone,
        # which is what rounding up the number of windows comes to.
        padding = [size % 2 for size in x.shape[2:]]
        outputs = torch.nn.functional.max_pool2d(
            x, 3, 2, padding=padding, ceil_mode=True
        )
    return _channels_back(outputs, data_format)


def tile_means(x, factor):
    """Return the means of tiles of `factor` x `factor`, channels last.

    Sums over one axis and then over the other: pooling takes twice as long.
    """
    for axis in (1, 2):
        x = x.unflatten(axis, (-1, factor)).sum(axis + 1)
    return x / factor**2


def resize_bilinear(x, size, *, align_corners, data_format):
    """Return maps `x` of rank 4 at height and width `size`."""
    outputs = torch.nn.functional.interpolate(
        _channels_second(x, data_format),
        tuple(size),
        mode="bilinear",
        align_corners=align_corners,
    )
    return _channels_back(outputs, data_format)


def _channels_second(x, data_format):
    return x.permute(0, 3, 1, 2) if data_format == "channels_last" else x


def _channels_back(x, data_format):
    return x.permute(0, 2, 3, 1) if data_format == "channels_last" else x
