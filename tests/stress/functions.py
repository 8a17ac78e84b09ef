"""The functions of `keras_attention.ops` as layers, with their references."""

import types

import keras
import numpy as np

import keras_attention
import references
from contract.case import to_layout
from keras_attention import ops
from references import deformable
from references import hard
from references import self_attention
from references import spatial


class Function(keras.layers.Layer):
    """A function of arrays as a layer without weights.

    `channels_out` is the channel axis of outputs in `channels_first`,
    and `shared` are the indices of arguments that all samples share.
    """

    channels_out = 1
    shared = ()

    def __init__(self, data_format="channels_last", dtype=None, **settings):
        super().__init__(dtype=dtype)
        self.built = True
        self.data_format = data_format
        self.settings = settings

    @classmethod
    def to_layout(cls, shape_or_array, layout, index):
        """Convert an argument to a data format."""
        shape = getattr(shape_or_array, "shape", shape_or_array)
        if len(shape) == 4 and index not in cls.shared:
            return to_layout(shape_or_array, layout)
        return shape_or_array


class GridSample(Function):
    def call(self, x, grid, training=None):
        return ops.grid_sample(
            x, grid, data_format=self.data_format, **self.settings
        )

    def reference(self, x, grid):
        return spatial.sample(x, grid, types.SimpleNamespace(**self.settings))

    @classmethod
    def to_layout(cls, shape_or_array, layout, index):
        return (
            to_layout(shape_or_array, layout) if index == 0 else shape_or_array
        )


class Grid(Function):
    """A grid, which does not depend on the data format."""

    channels_out = None

    @classmethod
    def to_layout(cls, shape_or_array, layout, index):
        return shape_or_array

    def call(self, theta, training=None):
        return getattr(ops, f"{self.transform}_grid")(theta, **self.settings)

    def reference(self, theta):
        height, width = self.settings["size"]
        align_corners = self.settings["align_corners"]
        x, y = np.meshgrid(
            spatial.pixel_centers(width, align_corners),
            spatial.pixel_centers(height, align_corners),
        )
        target = np.stack([x, y, np.ones_like(x)], axis=-1)
        return np.stack([self.locations(part, target) for part in theta])


class AffineGrid(Grid):
    transform = "affine"

    @staticmethod
    def locations(theta, target):
        return spatial.affine(theta, target)


class ProjectiveGrid(Grid):
    transform = "projective"

    def call(self, theta, training=None):
        # Near the identity, no location is close to where the grid is infinite.
        return super().call(0.1 * theta + keras.ops.eye(3, dtype=theta.dtype))

    @staticmethod
    def locations(theta, target):
        u = target @ (0.1 * theta + np.eye(3)).T
        return u[..., :2] / u[..., 2:]


class TPSGrid(Grid):
    transform = "tps"

    @staticmethod
    def locations(points, target):
        return spatial.thin_plate_spline(points, target)


class DeformAttention(Function):
    """Locations, weights and maps, one by one."""

    channels_out = None

    @classmethod
    def to_layout(cls, shape_or_array, layout, index):
        return (
            to_layout(shape_or_array, layout) if index > 1 else shape_or_array
        )

    def call(self, locations, weights, *values, training=None):
        return ops.deform_attention(
            list(values), locations, weights, data_format=self.data_format
        )

    def reference(self, locations, weights, *values):
        return self_attention.deform_attention(values, locations, weights)


class MultiScaleDeformableAttention(
    keras_attention.MultiScaleDeformableAttention
):
    """The layer, with its inputs one by one: query, points, and maps."""

    channels_out = None
    _lists = ()

    @classmethod
    def to_layout(cls, shape_or_array, layout, index):
        return DeformAttention.to_layout(shape_or_array, layout, index)

    def build(self, query_shape, points_shape, *values_shape):
        super().build(query_shape, list(values_shape), points_shape)

    def call(self, query, points, *values, training=None, **kwargs):
        return super().call(
            query, list(values), points, training=training, **kwargs
        )

    def reference(self, query, points, *others):
        values, weights = others[: self._levels], others[self._levels :]
        return references.outputs(self, [query, *values, points, *weights])


class DeformConv2D(Function):
    shared = (2, 4)

    def call(self, x, offsets, kernel, mask=None, bias=None, training=None):
        return ops.deform_conv2d(
            x,
            offsets,
            kernel,
            mask=mask,
            bias=bias,
            data_format=self.data_format,
            **self.settings,
        )

    def reference(self, x, offsets, kernel, mask=None, bias=0.0):
        settings = types.SimpleNamespace(**self.settings)
        if isinstance(settings.padding, int):
            settings.padding = (settings.padding,) * 2
        frame = deformable.window_frame(
            x.shape[1:3], kernel.shape[:2], settings
        )
        return bias + deformable.convolution(
            x, kernel, settings, frame, offsets=offsets, mask=mask
        )


class SampleOffsets(Function):
    def call(self, x, offsets, training=None):
        return ops.sample_offsets(x, offsets, data_format=self.data_format)

    def reference(self, x, offsets):
        if offsets.ndim == 4:
            offsets = np.repeat(offsets[..., None, :], x.shape[-1], axis=-2)
        return deformable.clamped(x, offsets)

    @classmethod
    def to_layout(cls, shape_or_array, layout, index):
        shape = getattr(shape_or_array, "shape", shape_or_array)
        if layout == "channels_last" or (index == 1 and len(shape) == 4):
            return shape_or_array
        axes = [0, 3, 1, 2, 4][: len(shape)]
        if hasattr(shape_or_array, "transpose"):
            return shape_or_array.transpose(axes)
        return tuple(shape[axis] for axis in axes)


class ExtractGlimpses(Function):
    channels_out = 2

    def call(self, images, locations, training=None):
        return ops.extract_glimpses(
            images, locations, data_format=self.data_format, **self.settings
        )

    def reference(self, images, locations):
        layer = types.SimpleNamespace(
            **{**self.settings, "glimpse_size": self.settings["size"]}
        )
        return hard.glimpses(layer, images, locations)
