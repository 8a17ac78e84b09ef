"""Maps whose positions have one axis."""

from typing import Any

from keras_attention._utils import data_formats
from keras_attention.ops import precision
from keras_attention.ops import reshaping


def merged(x: Any, data_format: str):
    """Merge the spatial axes of a map, and cast it for sums over them."""
    return precision.upcast(reshaping.merge_spatial_axes(x, data_format))


def channel_axis(data_format: str) -> int:
    """Return the axis of channels in a merged map; positions have the other."""
    return data_formats.channel_axis(data_format, 3)


def position_count(shape: data_formats.Shape, data_format: str) -> int | None:
    """Return the number of positions of a map, if it is known."""
    count = 1
    for size in data_formats.spatial_size(shape, data_format):
        if size is None:
            return None
        count *= size
    return count
