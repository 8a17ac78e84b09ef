"""Pooling, and bilinear resizing by two small matrix products.

`keras.ops.image.resize` has no aligned corners, which published networks use.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention._backend import native
from keras_attention._utils.data_formats import spatial_axes


@native
def max_pool(x, *, data_format):
    """Max pooling of 3x3 windows with a stride of 2 and `"same"` padding."""
    return ops.max_pool(
        x, 3, strides=2, padding="same", data_format=data_format
    )


@native
def average_pool(x, factor):
    """Average pooling of windows of `factor` x `factor`, channels last."""
    return ops.average_pool(
        x, factor, strides=factor, data_format="channels_last"
    )


@native
def resize_bilinear(x, size, *, align_corners: bool, data_format: str):
    """Resize maps to a height and width by bilinear interpolation.

    With `align_corners`, the centers of the corner pixels are aligned,
    otherwise the corners of the maps. `keras.ops.image.resize` has no
    `align_corners`.
    """
    letters = "abcd"
    is_float64 = keras.backend.standardize_dtype(x.dtype) == "float64"
    for axis, new in zip(spatial_axes(data_format, 4), size, strict=True):
        weights = _weights(
            ops.shape(x)[axis],
            new,
            align_corners,
            "float64" if is_float64 else "float32",
        )
        old = letters[axis]
        x = ops.einsum(
            f"e{old},{letters}->{letters.replace(old, 'e')}",
            ops.cast(weights, x.dtype),
            x,
        )
    return x


def _weights(old, new, align_corners: bool, dtype: str):
    """Return the weights of `old` pixels in `new` pixels, along one axis."""
    # The weights are a constant unless a size is a tensor, in a traced
    # function.
    known = isinstance(old, int) and isinstance(new, int)
    maths: Any = np if known else ops
    sources = maths.arange(old, dtype=dtype)
    targets = maths.arange(new, dtype=dtype)
    if align_corners:
        locations = targets * sources[-1] / maths.maximum(targets[-1], 1)
    else:
        scale = (sources[-1] + 1) / (targets[-1] + 1)
        locations = maths.clip((targets + 0.5) * scale - 0.5, 0, sources[-1])
    return maths.maximum(1 - maths.abs(locations[:, None] - sources), 0)
