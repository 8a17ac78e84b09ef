"""Hourglass: the bottom-up, top-down part of a soft mask branch."""

from collections.abc import Callable
from typing import Any

import keras

from keras_attention._base.layer import name_each
from keras_attention._utils import data_formats
from keras_attention.ops import reshaping
from keras_attention.ops import resizing


class Hourglass(keras.layers.Layer):
    """One level of an hourglass, which contains all deeper levels.

    The layer applies max pooling and `repeats` residual units, adds the output
    of the deeper levels and a skip connection, applies `repeats` more units,
    and resizes the result to the input size. The deepest level has no skip
    connection. `unit` is a function from a name to a residual unit.
    """

    def __init__(
        self,
        depth: int,
        repeats: int,
        unit: Callable[[str], keras.layers.Layer],
        *,
        align_corners: bool,
        data_format: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.depth = depth
        self.repeats = repeats
        self.unit = unit
        self.align_corners = align_corners
        self.data_format = data_format

    def build(self, input_shape):
        numbers = range(1, self.repeats + 1)
        self.down = [self.unit(f"down_{number}") for number in numbers]
        self.up = [self.unit(f"up_{number}") for number in numbers]
        name_each(self, "down", "up")
        layers = [*self.down, *self.up]
        if self.depth > 1:
            self.skip = self.unit("skip")
            self.inner = Hourglass(
                self.depth - 1,
                self.repeats,
                self.unit,
                align_corners=self.align_corners,
                data_format=self.data_format,
                dtype=self.dtype_policy,
                name="inner",
            )
            layers += [self.skip, self.inner]
        for layer in layers:
            layer.build(input_shape)

    def call(self, x, training=None):
        half = resizing.max_pool(x, data_format=self.data_format)
        for unit in self.down:
            half = unit(half, training=training)
        if self.depth > 1:
            skipped = self.skip(half, training=training)
            half = self.inner(half, training=training) + skipped
        for unit in self.up:
            half = unit(half, training=training)
        return resizing.resize_linear(
            half,
            data_formats.spatial_size(reshaping.shape(x), self.data_format),
            align_corners=self.align_corners,
            data_format=self.data_format,
        )
