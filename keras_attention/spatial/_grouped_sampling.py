"""What deformable convolutions v3 and v4 share: weighted sums of samples."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.layer import KernelLayer
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.ops import deformation
from keras_attention.ops import precision
from keras_attention.ops import products
from keras_attention.ops import reshaping
from keras_attention.ops.windows import Windows


class GroupedSampling(Attention, KernelLayer):
    """Base class: groups of channels are summed over points of a kernel.

    A subclass has the arguments of the constructor, projections, and a method
    `_attention` that computes offsets and mask from features at the centers of
    the windows. Inside, maps have the channels last.
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        *,
        strides: int | Sequence[int],
        padding: str | int | Sequence[int],
        dilation_rate: int | Sequence[int],
        groups: int,
        offset_scale: float,
        depthwise_kernel_size: int | Sequence[int] | None,
        center_feature_scale: bool,
        remove_center: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_size = validation.odd_size("kernel_size", kernel_size)
        self.strides = validation.size("strides", strides)
        self.padding = validation.padding("padding", padding)
        self.dilation_rate = validation.size("dilation_rate", dilation_rate)
        self.groups = validation.positive_integer("groups", groups)
        self.offset_scale = validation.positive_number(
            "offset_scale", offset_scale
        )
        self.depthwise_kernel_size = validation.optional_odd_size(
            "depthwise_kernel_size", depthwise_kernel_size
        )
        self.center_feature_scale = validation.boolean(
            "center_feature_scale", center_feature_scale
        )
        self.remove_center = validation.boolean("remove_center", remove_center)
        if self.remove_center and self.kernel_size == (1, 1):
            raise ValueError(
                "`remove_center` must be False for a kernel of one point. "
                f"Received: remove_center={remove_center}"
            )
        self.input_spec = keras.layers.InputSpec(ndim=4)
        # From the first point of a window to its center.
        self._half = tuple(
            (kernel - 1) * dilation // 2
            for kernel, dilation in zip(
                self.kernel_size, self.dilation_rate, strict=True
            )
        )
        zeros = {"same": self._half, "valid": (0, 0)}.get(
            self.padding, self.padding
        )
        self._windows = Windows(
            self.kernel_size, self.strides, zeros, self.dilation_rate
        )
        # Zeros around the map whose positions are the centers of windows.
        self._margins = tuple(
            n - half for n, half in zip(zeros, self._half, strict=True)
        )

    @property
    def points(self) -> int:
        """The number of points of each group that a position reads."""
        return self._windows.taps - self.remove_center

    def build(self, input_shape):
        channels = self._channels(input_shape)
        validation.divides(
            "groups", self.groups, channels, "the number of channels"
        )
        if self.center_feature_scale:
            self.center_scale_kernel, self.center_scale_bias = (
                self._precise_dense("center_scale", self.groups, channels)
            )

    def compute_output_shape(self, input_shape):
        channels = data_formats.channel_count(input_shape, self.data_format)
        return self._map_shape(input_shape, channels)

    def compute_attention_shape(self, input_shape):
        count = self.groups * self.points
        return {
            "offsets": self._map_shape(input_shape, 2 * count),
            "mask": self._map_shape(input_shape, count),
        }

    def _in_format(self, dtype, outputs, attention, return_attention):
        """Return maps in the data format of the layer and in a dtype."""
        outputs, offsets, mask = (
            precision.cast(
                reshaping.from_channels_last(z, self.data_format), dtype
            )
            for z in (outputs, attention["offsets"], attention["mask"])
        )
        attention = {"offsets": offsets, "mask": mask}
        return self._outputs(outputs, attention, return_attention)

    def _map_shape(self, input_shape, channels: int):
        size = data_formats.spatial_size(input_shape, self.data_format)
        size = (self._windows.count(n, i) for i, n in enumerate(size))
        return data_formats.shape_from_channels_last(
            (input_shape[0], *size, channels), self.data_format
        )

    def _precise_dense(self, name: str, units: int, inputs: int):
        """Return a kernel and a bias of zeros that stay in float32.

        In half precision, a location is off by pixels.
        """
        return (
            self.add_weight(
                (inputs, units), "zeros", name=f"{name}_kernel", autocast=False
            ),
            self._precise_vector(f"{name}_bias", units, "zeros"),
        )

    def _depthwise(self, name: str, size, channels: int):
        """Return a new convolution of each channel by itself, built.

        It is called by `_convolve_at_centers`.
        """
        layer = keras.layers.Conv2D(
            channels,
            size,
            strides=self.strides,
            groups=channels,
            data_format="channels_last",
            **self._kernel(name),
        )
        layer.build((None, None, None, channels))
        return layer

    def _convolve_at_centers(self, layer: keras.layers.Conv2D, z):
        """Convolve at the centers of the windows, with zeros around the map."""
        half = (size // 2 for size in layer.kernel_size)
        pads = [n + h for n, h in zip(self._margins, half, strict=True)]
        z = _cropped(z, [max(-n, 0) for n in pads])
        kernel, bias = precision.cast_all((layer.kernel, layer.bias), z.dtype)
        pads = [(max(n, 0),) * 2 for n in pads]
        return calls.convolve(layer, z, kernel, bias, pads)

    def _at_centers(self, z):
        """Return the values of a map at the centers of the windows."""
        rows, columns = (max(n, 0) for n in self._margins)
        if rows or columns:
            z = ops.pad(z, [(0, 0), (rows, rows), (columns, columns), (0, 0)])
        z = _cropped(z, [max(-n, 0) for n in self._margins])
        return z[:, :: self.strides[0], :: self.strides[1]]

    def _sample(self, value, attention):
        """Return the weighted sums of the samples, at all positions."""
        offsets, mask = attention["offsets"], attention["mask"]
        new_size = ops.shape(mask)[1:3]
        shape = (-1, new_size[0] * new_size[1], self.groups, self.points)
        offsets = reshaping.reshape(offsets, (*shape, 2))
        mask = reshaping.reshape(mask, shape)
        columns, rows = (
            center + self.offset_scale * (steps + moves)
            for center, steps, moves in zip(
                self._centers(new_size, value.dtype),
                self._steps(value.dtype),
                (offsets[..., 0], offsets[..., 1]),
                strict=True,
            )
        )
        sums = deformation.weighted_samples(
            deformation.grouped(value, self.groups, "channels_last"),
            *(ops.swapaxes(t, 1, 2) for t in (rows, columns, mask)),
        )
        return reshaping.reshape(sums, (-1, *new_size, value.shape[-1]))

    def _centers(self, new_size, dtype):
        """Return columns and rows of the windows, (windows, 1, 1)."""
        rows, columns = (
            ops.arange(n, dtype=dtype) * self.strides[axis]
            - float(self._margins[axis])
            for axis, n in enumerate(new_size)
        )
        rows = ops.broadcast_to(rows[:, None], new_size)
        columns = ops.broadcast_to(columns, new_size)
        return tuple(reshaping.reshape(t, (-1, 1, 1)) for t in (columns, rows))

    def _steps(self, dtype):
        """Return columns and rows of the points, from the center.

        The points run column by column, as in the published code.
        """
        height, width = (
            np.arange(kernel) * dilation - half
            for kernel, dilation, half in zip(
                self.kernel_size, self.dilation_rate, self._half, strict=True
            )
        )
        columns, rows = np.meshgrid(width, height, indexing="ij")
        steps = [columns.ravel(), rows.ravel()]
        if self.remove_center:
            steps = [np.delete(t, len(t) // 2) for t in steps]
        return [ops.convert_to_tensor(t, dtype) for t in steps]

    def _blend(self, sums, value, features):
        """Move the sums toward the value at the center, by a share.

        The share of each group is a dense layer of the features, and a sigmoid.
        """
        share = ops.sigmoid(
            products.dense(
                features,
                precision.cast(self.center_scale_kernel, features.dtype),
                precision.cast(self.center_scale_bias, features.dtype),
            )
        )
        sums, center = (
            reshaping.split_channels(z, self.groups, "channels_last")
            for z in (sums, self._at_centers(value))
        )
        sums = sums + share[..., None] * (center - sums)
        return reshaping.reshape(sums, ops.shape(features))


def _cropped(z, margins):
    """Remove rows and columns from each side of a map."""
    rows, columns = (slice(n, -n) if n else slice(None) for n in margins)
    if rows == columns == slice(None):
        return z
    return z[:, rows, columns]
