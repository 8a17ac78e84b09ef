"""Plots over images: heatmaps, and the grid of rows and columns."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_attention.visualization._plot_context import PlotContext
from keras_attention.visualization._records import AttentionRecord

MAX_CHARACTERS = 22  # of a line of a label
RELATIVE = "relative to the\nimage's maximum"
# Kinds of gates that are constant along the width, and along the height.
LINES = ("rows", "columns")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of plots, one for each image.

    Attributes:
        name: Name of the layer.
        content: Description of what the row shows.
        plot: Function `(axis, sample)` that plots a sample, and returns what
            the color bar is for, or `None`.
        bar: Label of the color bar. Without it there is no color bar.
    """

    name: str
    content: str
    plot: Callable[[Any, int], Any]
    bar: str = ""

    def label(self) -> str:
        """Return the label beside the row, in short lines."""
        content = textwrap.wrap(self.content, MAX_CHARACTERS)
        return "\n".join([*self._name_lines(), *content])

    def _name_lines(self) -> list[str]:
        """Return the name in short lines, broken after `/` and `_` too."""
        lines = [""]
        for part in re.findall(r"[^\s/_]+[\s/_]*|[\s/_]+", self.name):
            if lines[-1] and len(lines[-1] + part.rstrip()) > MAX_CHARACTERS:
                lines.append("")
            lines[-1] += part
        return [
            short
            for line in lines
            for short in textwrap.wrap(line, MAX_CHARACTERS)
        ]


class ImageGrid:
    """Rows of plots with a column for each image. Sizes are in inches.

    Args:
        context: The images, which are the first row.
        groups: The rows of each layer.
        title: Title of the grid, or an empty string.
    """

    LABEL, BAR, GAP, HEAD = 1.9, 1.1, 0.08, 0.3
    PIXELS = 25  # of an image in an inch, at least

    def __init__(
        self, context: PlotContext, groups: Sequence[Sequence[Row]], title: str
    ) -> None:
        self._context = context
        self._title = title
        self._rows = [row for group in groups for row in group]
        if context.images is not None:
            self._rows.insert(0, images_row(context))
        height, width = context.size((1, 1))
        columns = len(context.samples)
        self._cell_width = min(2.4, 9 / columns)
        if context.images is not None:
            # Few pixels need little space, and leave more to the labels.
            needed = max(1.2, context.images.shape[2] / self.PIXELS)
            self._cell_width = min(self._cell_width, needed)
        self._cell_height = min(self._cell_width * height / width, 3.2)
        self._head = self.HEAD * (2 if title else 1)
        rows_height = len(self._rows) * (self._cell_height + self.GAP)
        self.height = rows_height + self._head + 0.1
        columns_width = columns * (self._cell_width + self.GAP)
        self.width = self.LABEL + columns_width + self.BAR

    def plot(self, panel: Any, width: float, height: float) -> None:
        """Plot the grid on a panel of a figure of this size."""

        def add_axes(x, y, axes_width, axes_height, label=""):
            corner = (x / width, 1 - (y + axes_height) / height)
            size = (axes_width / width, axes_height / height)
            return panel.add_axes((*corner, *size), label=label)

        def add_text(x, y, text, **style):
            panel.text(x / width, 1 - y / height, text, fontsize=9, **style)

        if self._title:
            add_text(self.LABEL, 0.2, self._title, ha="left", style="italic")
        for index, row in enumerate(self._rows):
            y = self._head + index * (self._cell_height + self.GAP)
            x = self.LABEL
            for sample, name in zip(
                self._context.samples, self._context.titles, strict=True
            ):
                axis = add_axes(x, y, self._cell_width, self._cell_height)
                mappable = row.plot(axis, sample)
                axis.set_xticks([])
                axis.set_yticks([])
                if not index:
                    axis.set_title(name, fontsize=9)
                x += self._cell_width + self.GAP
            add_text(
                self.LABEL - 0.1,
                y + self._cell_height / 2,
                row.label(),
                ha="right",
                va="center",
            )
            if row.bar:
                y += 0.1 * self._cell_height
                bar = add_axes(
                    x, y, 0.13, 0.8 * self._cell_height, "<colorbar>"
                )
                bar = panel.colorbar(mappable, cax=bar)
                bar.ax.locator_params(nbins=4)
                bar.set_label(row.bar, fontsize=8)
                bar.ax.tick_params(labelsize=7)
                # Heatmaps are transparent. This is the average image below.
                bar.ax.set_facecolor("0.5")


def images_row(context: PlotContext) -> Row:
    """Return the row of the images in their colors."""

    def plot(axis, sample):
        context.plot_image(axis, sample, context.size(), colors=True)

    return Row("", "image", plot)


def heatmap_rows(
    record: AttentionRecord,
    context: PlotContext,
    channels: Sequence[int] | None,
) -> list[Row]:
    """Return rows of weights, `(samples, height, width, channels)`."""
    values = record.values
    if record.kind in LINES:
        # Repeated to a square, so that rows have a width without images too.
        axis = LINES.index(record.kind) + 1
        values = np.repeat(values, values.shape[axis], axis=3 - axis)
    count = values.shape[-1]
    of_channels = ("mixed", "fusion", *LINES)
    unit = "channel" if record.kind in of_channels else "group"
    if count == 1:
        content = "weight of each position"
        maps = values[..., 0]
        return [heatmap_row(record.name, content, maps, context, "weight")]
    is_fusion = record.kind == "fusion"
    bar = "weight of x" if is_fusion else "weight"
    chosen = {f"{bar}, mean of {count} {unit}s": values.mean(-1)}
    if channels is not None:
        check_channels(channels, count, record.name)
        chosen = {f"{bar}, {unit} {c}": values[..., c] for c in channels}
    return [
        heatmap_row(
            record.name,
            content,
            maps,
            context,
            bar,
            middle=0.5 if is_fusion else None,
        )
        for content, maps in chosen.items()
    ]


def check_channels(channels: Sequence[int], count: int, name: str) -> None:
    """Raise an error unless these are indices of channels of a layer."""
    if not len(channels) or not all(0 <= c < count for c in channels):
        raise ValueError(
            f"`channels` must be indices from 0 to {count - 1} for {name!r}, "
            f"at least one. Received: channels={list(channels)}"
        )


def grad_cam_row(record: AttentionRecord, context: PlotContext) -> Row:
    """Return the row of a Grad-CAM heatmap."""
    return heatmap_row(
        record.name,
        "Grad-CAM: evidence for the class",
        relative_to_max(record.values),
        context,
        RELATIVE,
        (0, 1),
        cmap="viridis",
    )


def relative_to_max(maps: np.ndarray) -> np.ndarray:
    """Return maps, each divided by its maximum."""
    maximum = maps.max(axis=(1, 2), keepdims=True)
    return maps / np.where(maximum > 0, maximum, 1)


def heatmap_row(
    name: str,
    content: str,
    maps: np.ndarray,
    context: PlotContext,
    bar: str,
    limits: tuple[float, float] | None = None,
    *,
    middle: float | None = None,
    cmap: str = "inferno",
    extent: tuple[float, float, float, float] | None = None,
) -> Row:
    """Return the row of a heatmap for each sample, over the images.

    Args:
        name: Name of the layer.
        content: Description of what the row shows.
        maps: Array `(samples, height, width)`.
        context: The images.
        bar: Label of the color bar.
        limits: Values at the ends of the color bar. By default they are the
            minimum and maximum of the samples that are plotted.
        middle: Value at the middle of a diverging color map.
        cmap: Color map without `middle`.
        extent: Extent of the map in the image, as matplotlib defines it. By
            default the map covers the image.
    """
    if maps.ndim != 3:
        raise ValueError(
            "`attention` must be of images, with height and width, to be "
            "plotted over them. "
            f"Received: attention={{{name!r}: array of shape {maps.shape}}}"
        )
    plotted = maps[context.samples]
    low, high = limits or (float(plotted.min()), float(plotted.max()))
    if middle is not None:
        distance = max(high - middle, middle - low)
        low, high, cmap = middle - distance, middle + distance, "PuOr_r"
    if high - low < 1e-6:  # A constant map needs a scale, too.
        low, high = low - 0.5, high + 0.5
    size = context.size(maps.shape[1:])
    height, width = size

    def plot(axis, sample):
        context.plot_image(axis, sample, size)
        mappable = axis.imshow(
            maps[sample],
            cmap=cmap,
            vmin=low,
            vmax=high,
            alpha=1 if context.images is None else 0.75,
            interpolation="nearest" if maps.shape[1:] == size else "bilinear",
            extent=extent or (-0.5, width - 0.5, height - 0.5, -0.5),
        )
        axis.set_xlim(-0.5, width - 0.5)
        axis.set_ylim(height - 0.5, -0.5)
        return mappable

    return Row(name, content, plot, bar)
