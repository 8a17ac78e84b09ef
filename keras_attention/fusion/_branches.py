"""Sums of maps of branches, weighted by attention."""

import functools
import operator

from keras_attention._utils import data_formats
from keras_attention.ops import reshaping


def weighted_sum(maps, attention, data_format: str):
    """Return the sum of maps, weighted by attention for each channel."""
    axes = data_formats.spatial_axes(data_format, 4)
    return sum_maps(
        u * reshaping.expand_dims(attention[:, index], axes)
        for index, u in enumerate(maps)
    )


def sum_maps(maps):
    """Return the sum of maps, without the zero that `sum` starts from."""
    return functools.reduce(operator.add, maps)
