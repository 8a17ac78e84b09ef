"""Windows around centers, whose points deformable convolutions v3 and v4 move.

Inside these layers maps have the channels last.
"""

from typing import Any

import keras
from keras import ops

from keras_attention._base import calls
from keras_attention._utils import data_formats
from keras_attention.ops import deformation
from keras_attention.ops import elementwise
from keras_attention.ops import reshaping
from keras_attention.ops.windows import Windows


class CenteredWindows(Windows):
    """Windows of odd size over a map of any size.

    Args:
        kernel_size: Odd height and width of the windows.
        strides: Distance of the windows.
        padding: `"valid"`, `"same"` (half a window of zeros on each side), or
            the numbers of zeros on each side.
        dilation_rate: Distance of the points of a window.
        remove_center: Whether windows have no point at the center.
    """

    def __init__(
        self,
        kernel_size: tuple[int, int],
        strides: tuple[int, int],
        padding: Any,
        dilation_rate: tuple[int, int],
        *,
        remove_center: bool,
    ) -> None:
        # From the first point of a window to its center.
        self._half = tuple(
            (size - 1) * distance // 2
            for size, distance in zip(kernel_size, dilation_rate, strict=True)
        )
        super().__init__(
            kernel_size,
            strides,
            self._half if padding == "same" else padding,
            dilation_rate,
        )
        if remove_center and self.taps == 1:
            raise ValueError(
                "`remove_center` must be False for a kernel of one point. "
                f"Received: remove_center={remove_center}"
            )
        self._remove_center = remove_center
        self.points = self.taps - remove_center
        # Zeros around a map whose positions are the centers of windows; less
        # than none if the first windows have their centers inside the map.
        zeros: Any = (0, 0) if padding == "valid" else self.padding
        self._margins = tuple(
            number - half
            for number, half in zip(zeros, self._half, strict=True)
        )

    def map_shape(self, input_shape, channels: int, data_format: str):
        """Return the shape of a map of the windows of a map."""
        size = data_formats.spatial_size(input_shape, data_format)
        counts = (self.count(number, axis) for axis, number in enumerate(size))
        return data_formats.shape_from_channels_last(
            (input_shape[0], *counts, channels), data_format
        )

    def attention_shape(self, input_shape, groups: int, data_format: str):
        """Return the shapes of offsets and mask of a map."""
        count = groups * self.points
        return {
            name: self.map_shape(input_shape, channels, data_format)
            for name, channels in (("offsets", 2 * count), ("mask", count))
        }

    def at_centers(self, z):
        """Return the values of a map at the centers of the windows."""
        z = _padded(z, self._margins)
        return z[:, :: self.strides[0], :: self.strides[1]]

    def convolve_at_centers(self, layer: keras.layers.Conv2D, z):
        """Convolve at the centers of the windows, with zeros around the map.

        The layer has the strides of the windows, and an odd kernel.
        """
        pads = [
            margin + size // 2
            for margin, size in zip(
                self._margins, layer.kernel_size, strict=True
            )
        ]
        z = _padded(z, [min(number, 0) for number in pads])
        zeros = tuple((max(number, 0),) * 2 for number in pads)
        return calls.conv2d(layer, z, zeros)

    def sample(self, value, offsets, mask, *, groups: int, scale: float):
        """Return weighted sums of samples at the moved points of each window.

        Args:
            value: The map to sample.
            offsets: `(batch, new_height, new_width, 2 * groups * points)`, for
                each group and point (x, y).
            mask: `(batch, new_height, new_width, groups * points)`.
            groups: Number of groups of channels.
            scale: Factor of the offsets and of the windows.
        """
        new_size = reshaping.shape(mask)[1:3]
        shape = (-1, new_size[0] * new_size[1], groups, self.points)
        offsets = reshaping.reshape(offsets, (*shape, 2))
        mask = reshaping.reshape(mask, shape)
        rows, columns = (
            center + scale * (steps + offsets[..., 1 - axis])
            for axis, (center, steps) in enumerate(
                zip(
                    self._centers(new_size, value.dtype),
                    self._steps(value.dtype),
                    strict=True,
                )
            )
        )
        sums = deformation.weighted_samples(
            deformation.grouped_table(value, groups),
            reshaping.shape(value)[1:3],
            rows,
            columns,
            mask,
        )
        return reshaping.reshape(sums, (-1, *new_size, value.shape[-1]))

    def _centers(self, new_size, dtype):
        """Return rows and columns of the windows, (windows, 1, 1)."""
        rows, columns = (
            ops.arange(number, dtype=dtype) * self.strides[axis]
            - float(self._margins[axis])
            for axis, number in enumerate(new_size)
        )
        return (
            reshaping.reshape(ops.broadcast_to(lines, new_size), (-1, 1, 1))
            for lines in (rows[:, None], columns)
        )

    def _steps(self, dtype):
        """Return rows and columns of the points, from the center.

        The points run column by column, as in the published code.
        """
        height, width = (
            [number * distance - half for number in range(size)]
            for size, distance, half in zip(
                self.kernel_size, self.dilation_rate, self._half, strict=True
            )
        )
        # Lists, as `torch.compile` converts no arrays of NumPy.
        rows = [row for _ in width for row in height]
        columns = [column for column in width for _ in height]
        if self._remove_center:
            for steps in (rows, columns):
                del steps[len(steps) // 2]
        return [
            ops.convert_to_tensor(steps, dtype) for steps in (rows, columns)
        ]


def lerp_to_center(sums, center, share):
    """Interpolate linearly between sums and the values at the centers.

    The share of each group is 0 for the sums, and 1 for the values.
    """
    groups = share.shape[-1]
    by_group, values = (
        reshaping.split_channels(z, groups, "channels_last")
        for z in (sums, center)
    )
    moved = elementwise.lerp(values, by_group, share[..., None])
    return reshaping.reshape(moved, reshaping.shape(sums))


def _padded(z, margins):
    """Add rows and columns of zeros on each side, or remove some if < 0."""
    pads = [(0, 0), *((max(n, 0),) * 2 for n in margins), (0, 0)]
    if pads != [(0, 0)] * 4:
        z = reshaping.pad(z, pads)
    rows, columns = (slice(-n, n) if n < 0 else slice(None) for n in margins)
    return z if rows == columns == slice(None) else z[:, rows, columns]
