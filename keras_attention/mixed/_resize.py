"""Bilinear resizing of maps, by two small matrix products."""

from keras import ops

from keras_attention import _axes
from keras_attention import _numerics


def resize_bilinear(x, size, *, align_corners: bool, data_format: str):
    """Return maps `x` of rank 4 at height and width `size`.

    The centres of the corner pixels meet if `align_corners`, else the corners
    of the maps do. `keras.ops.image.resize` knows the second alone.
    """
    letters = "abcd"
    for axis, length in zip(
        _axes.spatial_axes(data_format, 4), size, strict=True
    ):
        weights = _weights(
            ops.shape(x)[axis],
            length,
            align_corners,
            _numerics.accumulable(x).dtype,
        )
        old = letters[axis]
        x = ops.einsum(
            f"e{old},{letters}->{letters.replace(old, 'e')}",
            ops.cast(weights, x.dtype),
            x,
        )
    return x


def _weights(old, new, align_corners: bool, dtype):
    """Return what each of `new` places takes from each of `old` places."""
    sources = ops.cast(ops.arange(old), dtype)
    targets = ops.cast(ops.arange(new), dtype)
    old, new = ops.cast(old, dtype), ops.cast(new, dtype)
    if align_corners:
        places = targets * (old - 1) / ops.maximum(new - 1, 1)
    else:
        places = ops.clip((targets + 0.5) * old / new - 0.5, 0, old - 1)
    return ops.relu(1 - ops.abs(places[:, None] - sources))
