"""Plots of the offsets of kernel taps and of pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from keras_attention.visualization._heatmaps import Row
from keras_attention.visualization._heatmaps import heatmap_row
from keras_attention.visualization._pairs import MARKER
from keras_attention.visualization._pairs import query_position
from keras_attention.visualization._plot_context import PlotContext
from keras_attention.visualization._records import AttentionRecord
from keras_attention.visualization._sampling import ORANGE


def kernel_offset_rows(
    record: AttentionRecord,
    context: PlotContext,
    points: Sequence[tuple[float, float]] | None,
    query: tuple[float, float] | None,
) -> list[Row]:
    """Return rows of the offsets of a kernel: their lengths, and windows.

    Args:
        record: The offsets, and the mask if there is one.
        context: The images.
        points: Rows and columns of the windows, as fractions, or `None` for the
            window of `query`.
        query: Row and column of the window, as fractions, or `None` for the
            window with the largest offsets.
    """
    offsets, mask = record.values["offsets"], record.values.get("mask")
    layer = record.layer
    kernel = getattr(layer, "kernel_size", None) or _square_kernel(offsets)
    taps = math.prod(kernel)
    groups = offsets.shape[-1] // (2 * taps)
    by_tap = offsets.reshape(*offsets.shape[:3], groups, taps, 2)
    lengths = np.sqrt((by_tap**2).sum(-1)).mean((-1, -2))
    # Coordinates of the taps without offsets, and sizes of the map, by axis.
    grids, sizes = [], []
    of_call = record.size or ()
    known = of_call if len(of_call) == 2 else (None, None)
    for axis in (0, 1):
        grid, size = _regular_taps(
            layer,
            kernel[axis],
            offsets.shape[1 + axis],
            axis,
            known[axis],
        )
        grids.append(grid)
        sizes.append(size)
    size = context.size(tuple(sizes))
    # Pixels of the image for each pixel of the map, by axis.
    steps = [image / n for image, n in zip(size, sizes, strict=True)]

    is_query = points is None and query is not None
    at_query = [query_position(query, lengths.shape[1:])] if is_query else None

    def plot(axis, sample):
        from matplotlib.patches import Rectangle

        context.plot_image(axis, sample, size)
        mappable = None
        for i, j in at_query or _windows(lengths[sample], points):
            rows, columns = np.meshgrid(grids[0][i], grids[1][j], indexing="ij")
            regular = np.stack([rows.ravel(), columns.ravel()], -1)
            # Only the first group of channels is plotted.
            moved = regular + by_tap[sample, i, j, 0]
            (y, x), (v, u) = (
                [(p[:, k] + 0.5) * steps[k] - 0.5 for k in (0, 1)]
                for p in (regular, moved)
            )
            axis.plot(np.c_[x, u].T, np.c_[y, v].T, color=ORANGE, linewidth=0.8)
            corner = (x[0] - steps[1] / 2, y[0] - steps[0] / 2)
            axis.add_patch(
                Rectangle(
                    corner,
                    x[-1] - x[0] + steps[1],
                    y[-1] - y[0] + steps[0],
                    facecolor="none",
                    edgecolor="white",
                    linewidth=1.4,
                    zorder=4,
                )
            )
            if is_query:
                axis.plot(x.mean(), y.mean(), "+", zorder=5, **MARKER)
            weights = np.ones(taps)
            if mask is not None:
                weights = mask[sample, i, j, :taps]
            mappable = axis.scatter(
                u,
                v,
                c=weights,
                cmap="viridis",
                vmin=0,
                vmax=1,
                s=26,
                edgecolors="white",
                linewidths=0.6,
                zorder=3,
            )
        axis.set_xlim(-0.5, size[1] - 0.5)
        axis.set_ylim(size[0] - 0.5, -0.5)
        return mappable if mask is not None else None

    if is_query:
        content = "window of the position marked by a cross, and its taps"
    elif points is None:
        content = "window with the largest offsets (white), and its taps"
    else:
        content = "windows (white), and their taps"
    if groups > 1:
        content += f", group 0 of {groups}"
    return [
        heatmap_row(
            record.name,
            "length of the offsets of taps",
            lengths,
            context,
            "pixels of the\nmap, mean",
        ),
        Row(
            record.name,
            content,
            plot,
            "mask: weight\nof a tap" if mask is not None else "",
        ),
    ]


def _square_kernel(offsets: np.ndarray) -> tuple[int, int]:
    """Return the size of a square kernel with this number of offsets."""
    channels = offsets.shape[-1]
    side = math.isqrt(channels // 2)
    if 2 * side**2 != channels:
        raise ValueError(
            "`layer` must be given for offsets of a kernel that is not square, "
            "or of several groups. "
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


def _windows(lengths, points):
    """Return the windows to plot, by default that of the largest offsets."""
    height, width = lengths.shape
    if points is None:
        return [np.unravel_index(lengths.argmax(), lengths.shape)]
    return [
        (min(int(y * height), height - 1), min(int(x * width), width - 1))
        for y, x in points
    ]


def pixel_offset_rows(
    record: AttentionRecord, context: PlotContext
) -> list[Row]:
    """Return rows of the offsets of pixels: their lengths, and arrows."""
    offsets = record.values.mean(-2)  # over the channels
    height, width = offsets.shape[1:3]
    lengths = np.sqrt((record.values**2).sum(-1)).mean(-1)
    size = context.size((height, width))
    step = max(1, math.ceil(max(height, width) / 12))
    y, x = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    arrows = offsets[:, y, x]
    max_length = np.sqrt((arrows[context.samples] ** 2).sum(-1)).max()
    scale = step / max(float(max_length), 1e-6)

    def plot(axis, sample):
        context.plot_image(axis, sample, size)
        axis.quiver(
            (x + 0.5) * size[1] / width - 0.5,
            (y + 0.5) * size[0] / height - 0.5,
            arrows[sample, ..., 1] * scale * size[1] / width,
            arrows[sample, ..., 0] * scale * size[0] / height,
            color=ORANGE,
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.008,
        )

    return [
        heatmap_row(
            record.name,
            "length of the offsets of pixels",
            lengths,
            context,
            "pixels of the\nmap, mean",
        ),
        Row(
            record.name,
            f"offsets, mean of channels, {scale:.2g} times as long",
            plot,
        ),
    ]
