"""Maps whose positions have one axis."""

import math
from typing import Any

from keras_attention._utils import data_formats
from keras_attention.ops import precision
from keras_attention.ops import reshaping


def merged(x: Any, data_format: str) -> tuple[Any, int]:
    """Merge the spatial axes of a map, and cast it for sums over them.

    Returns:
        The map of rank 3, and its axis of channels. The positions have the
        other one of the axes 1 and 2.
    """
    z = precision.upcast(reshaping.merge_spatial_axes(x, data_format))
    return z, data_formats.channel_axis(data_format, 3)


def position_count(shape: data_formats.Shape, data_format: str) -> int | None:
    """Return the number of positions of a map, if it is known."""
    sizes = data_formats.spatial_size(shape, data_format)
    return None if None in sizes else math.prod(sizes)
