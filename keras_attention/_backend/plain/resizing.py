"""Pooling maps, and bilinear resizing by two small matrix products."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention import _axes


def halve(x, *, data_format):
    """Return the maxima of 3x3 windows, every other one, of rank 4."""
    return ops.max_pool(
        x, 3, strides=2, padding="same", data_format=data_format
    )


def tile_means(x, factor):
    """Return the means of tiles of `factor` x `factor`, channels last."""
    return ops.average_pool(
        x, factor, strides=factor, data_format="channels_last"
    )


def resize_bilinear(x, size, *, align_corners: bool, data_format: str):
    """Return maps `x` of rank 4 at height and width `size`.

    The centres of the corner pixels meet if `align_corners`, else the corners
    of the maps do. `keras.ops.image.resize` knows the second alone.
    """
    letters = "abcd"
    wide = keras.backend.standardize_dtype(x.dtype) == "float64"
    for axis, new in zip(_axes.spatial_axes(data_format, 4), size, strict=True):
        weights = _weights(
            ops.shape(x)[axis],
            new,
            align_corners,
            "float64" if wide else "float32",
        )
        old = letters[axis]
        x = ops.einsum(
            f"e{old},{letters}->{letters.replace(old, 'e')}",
            ops.cast(weights, x.dtype),
            x,
        )
    return x


def _weights(old, new, align_corners: bool, dtype: str):
    """Return what each of `new` places takes from each of `old` places."""
    # A constant, unless a size is a tensor, as it may be in a traced function.
    known = isinstance(old, int) and isinstance(new, int)
    maths: Any = np if known else ops
    sources = maths.arange(old, dtype=dtype)
    targets = maths.arange(new, dtype=dtype)
    if align_corners:
        places = targets * sources[-1] / maths.maximum(targets[-1], 1)
    else:
        scale = (sources[-1] + 1) / (targets[-1] + 1)
        places = maths.clip((targets + 0.5) * scale - 0.5, 0, sources[-1])
    return maths.maximum(1 - maths.abs(places[:, None] - sources), 0)
