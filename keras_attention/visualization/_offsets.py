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
from keras_attention.visualization._window_points import WindowPoints


def offset_rows(
    record: AttentionRecord,
    points: WindowPoints,
    context: PlotContext,
    windows: Sequence[tuple[float, float]] | None,
    query: tuple[float, float] | None,
) -> list[Row]:
    """Return rows of the offsets of windows: their lengths, and windows.

    Args:
        record: The offsets, and the mask if there is one.
        points: The points of their windows.
        context: The images.
        windows: Rows and columns of the windows, as fractions, or `None` for
            the window of `query`.
        query: Row and column of the window, as fractions, or `None` for the
            window with the largest offsets.
    """
    lengths, weights = points.lengths, points.weights
    groups = points.moves.shape[3]
    size = context.size(points.size)
    # Pixels of the image for each pixel of the map, by axis.
    steps = [n / m for n, m in zip(size, points.size, strict=True)]
    is_query = windows is None and query is not None
    at_query = [query_position(query, lengths.shape[1:])] if is_query else None
    limits = {} if weights is None else _color_limits(record, weights)

    def plot(axis, sample):
        from matplotlib.patches import Rectangle

        context.plot_image(axis, sample, size)
        mappable = None
        for i, j in at_query or _indices(lengths[sample], windows):
            regular = points.regular(i, j)
            # Only the first group of channels is plotted.
            moved = regular + points.moves[sample, i, j, 0]
            (y, x), (v, u) = (
                [(p[:, k] + 0.5) * steps[k] - 0.5 for k in (0, 1)]
                for p in (regular, moved)
            )
            axis.plot(np.c_[x, u].T, np.c_[y, v].T, color=ORANGE, linewidth=0.8)
            corner = (x.min() - steps[1] / 2, y.min() - steps[0] / 2)
            axis.add_patch(
                Rectangle(
                    corner,
                    np.ptp(x) + steps[1],
                    np.ptp(y) + steps[0],
                    facecolor="none",
                    edgecolor="white",
                    linewidth=1.4,
                    zorder=4,
                )
            )
            if is_query:
                axis.plot(x.mean(), y.mean(), "+", zorder=5, **MARKER)
            mappable = axis.scatter(
                u,
                v,
                c=np.ones(len(u))
                if weights is None
                else weights[sample, i, j, 0],
                cmap="viridis",
                s=26,
                edgecolors="white",
                linewidths=0.6,
                zorder=3,
                **(limits or {"vmin": 0, "vmax": 1}),
            )
        axis.set_xlim(-0.5, size[1] - 0.5)
        axis.set_ylim(size[0] - 0.5, -0.5)
        return mappable if weights is not None else None

    if is_query:
        content = "window of the position marked by a cross, and its taps"
    elif windows is None:
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
            "mask: weight\nof a tap" if weights is not None else "",
        ),
    ]


def _color_limits(record, weights) -> dict[str, float]:
    """Return the range of the colors of weights.

    A mask has weights from 0 to 1, those of groups are of any range.
    """
    if record.kind == "kernel offsets":
        return {"vmin": 0, "vmax": 1}
    first = weights[..., 0, :]
    return {"vmin": min(0, first.min()), "vmax": max(0, first.max())}


def _indices(lengths, windows):
    """Return the windows to plot, by default that of the largest offsets."""
    height, width = lengths.shape
    if windows is None:
        return [np.unravel_index(lengths.argmax(), lengths.shape)]
    return [
        (min(int(y * height), height - 1), min(int(x * width), width - 1))
        for y, x in windows
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
