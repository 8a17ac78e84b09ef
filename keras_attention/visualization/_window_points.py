"""Points that the windows of deformable convolutions read."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from keras_attention.visualization._records import AttentionRecord

# Attributes of a layer with groups of points.
_OF_GROUPS = (
    "kernel_size",
    "strides",
    "padding",
    "dilation_rate",
    "offset_scale",
    "remove_center",
)


@dataclasses.dataclass(frozen=True)
class WindowPoints:
    """Points of all windows, in pixels of the map.

    Attributes:
        rows: Rows of the points of a window without offsets, `(new_height,
            points)`.
        columns: Their columns, `(new_width, points)`.
        moves: The offsets (y, x), `(samples, new_height, new_width, groups,
            points, 2)`.
        weights: The weights, `(samples, new_height, new_width, groups,
            points)`, or `None` if there are none.
        size: The size of the map.
    """

    rows: np.ndarray
    columns: np.ndarray
    moves: np.ndarray
    weights: np.ndarray | None
    size: tuple[int, int]

    @property
    def lengths(self) -> np.ndarray:
        """The mean length of the offsets of each window."""
        return np.sqrt((self.moves**2).sum(-1)).mean((-1, -2))

    def regular(self, i: int, j: int) -> np.ndarray:
        """Return rows and columns of the points without offsets."""
        return np.stack([self.rows[i], self.columns[j]], -1)


def kernel_points(record: AttentionRecord) -> WindowPoints:
    """Return the points of deformable convolutions v1 and v2.

    The offsets are (y, x), and taps run row by row.
    """
    offsets = record.values["offsets"]
    layer = record.layer
    kernel = getattr(layer, "kernel_size", None) or _square_kernel(offsets)
    lines, size = [], []
    for axis in (0, 1):
        grid, length = _regular_taps(
            layer,
            kernel[axis],
            offsets.shape[1 + axis],
            axis,
            _known_size(record)[axis],
        )
        lines.append(grid)
        size.append(length)
    rows, columns = lines
    return _split(
        np.repeat(rows, kernel[1], axis=1),
        np.tile(columns, kernel[0]),
        offsets,
        record.values.get("mask"),
        (size[0], size[1]),
    )


def group_points(record: AttentionRecord) -> WindowPoints:
    """Return the points of deformable convolutions v3 and v4.

    The offsets are (x, y), points run column by column, and both offsets and
    windows are scaled.
    """
    layer = record.layer
    lacking = [name for name in _OF_GROUPS if not hasattr(layer, name)]
    if lacking:
        raise ValueError(
            "`layer` must have the attributes of `DeformableConv2DV3` that say "
            f"where its windows are: it has no {', '.join(lacking)}. "
            f"Received: layer={layer}"
        )
    offsets = record.values["offsets"]
    (height, width), scale = layer.kernel_size, layer.offset_scale
    j, i = np.divmod(np.arange(height * width), height)
    if layer.remove_center:
        i, j = (np.delete(steps, len(steps) // 2) for steps in (i, j))
    lines, size = [], []
    for axis, steps in enumerate((i, j)):
        half = layer.kernel_size[axis] // 2 * layer.dilation_rate[axis]
        zeros = layer.padding
        if isinstance(zeros, str):
            zeros = (half, half) if zeros == "same" else (0, 0)
        stride, count = layer.strides[axis], offsets.shape[1 + axis]
        centers = np.arange(count) * stride - zeros[axis] + half
        steps = steps * layer.dilation_rate[axis] - half
        lines.append(centers[:, None] + scale * steps)
        smallest = (count - 1) * stride + 2 * (half - zeros[axis]) + 1
        size.append(_known_size(record)[axis] or smallest)
    rows, columns = lines
    return _split(
        rows,
        columns,
        scale * offsets.reshape(*offsets.shape[:-1], -1, 2)[..., ::-1],
        record.values.get("mask"),
        (size[0], size[1]),
    )


def _split(rows, columns, offsets, mask, size) -> WindowPoints:
    """Return points whose offsets and weights are split by group."""
    space = (*offsets.shape[:3], -1, rows.shape[1])
    return WindowPoints(
        rows,
        columns,
        offsets.reshape(*space, 2),
        None if mask is None else mask.reshape(space),
        size,
    )


def _known_size(record: AttentionRecord):
    """Return the size of the map of a record, or twice `None`."""
    size = record.size or ()
    return size if len(size) == 2 else (None, None)


def _square_kernel(offsets: np.ndarray) -> tuple[int, int]:
    """Return the size of a square kernel with this number of offsets."""
    channels = offsets.shape[-1]
    side = math.isqrt(channels // 2)
    if 2 * side**2 != channels or side % 2 == 0:
        raise ValueError(
            "`layer` must be given for offsets of a kernel that is not square "
            "or has an even side, or of several groups. "
            f"Received: offsets=array of shape {offsets.shape}"
        )
    return side, side


def _regular_taps(layer, kernel: int, count: int, axis: int, size: int | None):
    """Return tap coordinates without offsets, and the size of the map.

    Args:
        layer: The layer, or `None`.
        kernel: Size of the kernel along the axis.
        count: Number of windows along the axis.
        axis: 0 for rows, 1 for columns.
        size: Size of the map along the axis, or `None` if it is not known. Then
            it is the smallest size with these windows.
    """

    def attribute(name, default):
        return getattr(layer, name, (default, default))

    stride = attribute("strides", 1)[axis]
    dilation = attribute("dilation_rate", 1)[axis]
    padding = getattr(layer, "padding", "same")
    extent = (kernel - 1) * dilation + 1
    reached = (count - 1) * stride + extent
    if padding == "same":
        size = size or count * stride
        pad_before = max(reached - size, 0) // 2
    else:
        pad_before = 0 if padding == "valid" else padding[axis]
        size = size or reached - 2 * pad_before
    starts = np.arange(count)[:, None] * stride - pad_before
    return starts + np.arange(kernel) * dilation, size
