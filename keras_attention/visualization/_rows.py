"""What is drawn over images: a row a map, a column an image."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_attention.visualization._parts import Part
from keras_attention.visualization._scene import Scene

SHARE = "share of the\nimage's largest"


@dataclasses.dataclass(frozen=True)
class Row:
    """What is drawn over each image.

    Attributes:
        name: The layer.
        what: What is shown of it.
        draw: Draws on axes what is of a sample, and returns what a colour bar
            explains, if anything.
        bar: What stands at the bar.
    """

    name: str
    what: str
    draw: Callable[[Any, int], Any]
    bar: str = ""

    def label(self) -> str:
        """Return what stands beside the row, in short lines."""
        name = textwrap.wrap(self.name.replace("/", "/ "), 22)
        return "\n".join([*name, *textwrap.wrap(self.what, 22)])


class Grid:
    """Rows of pictures in columns, each row with a name and a colour bar.

    Sizes are in inches.

    Args:
        scene: The images, which are the first row.
        groups: The rows of each layer.
        title: What stands above.
    """

    LABEL, BAR, GAP, HEAD = 1.9, 1.1, 0.08, 0.3

    def __init__(
        self, scene: Scene, groups: Sequence[Sequence[Row]], title: str
    ) -> None:
        self._scene = scene
        self._title = title
        self._rows = [row for group in groups for row in group]
        if scene.images is not None:
            self._rows.insert(0, images_row(scene))
        height, width = scene.size((1, 1))
        columns = len(scene.samples)
        self._across = min(2.4, 9 / columns)
        self._down = min(self._across * height / width, 3.2)
        self._head = self.HEAD * (2 if title else 1)
        steps = len(self._rows) * (self._down + self.GAP)
        self.height = steps + self._head + 0.1
        self.width = self.LABEL + columns * (self._across + self.GAP) + self.BAR

    def draw(self, panel: Any, width: float, height: float) -> None:
        """Draw on a part of a figure of this size."""

        def axes(x, y, across, down, label=""):
            place = (x / width, 1 - (y + down) / height)
            size = (across / width, down / height)
            return panel.add_axes((*place, *size), label=label)

        def text(x, y, told, **style):
            panel.text(x / width, 1 - y / height, told, fontsize=9, **style)

        if self._title:
            text(self.LABEL, 0.2, self._title, ha="left", style="italic")
        for index, row in enumerate(self._rows):
            y = self._head + index * (self._down + self.GAP)
            x = self.LABEL
            for sample, name in zip(
                self._scene.samples, self._scene.titles, strict=True
            ):
                axis = axes(x, y, self._across, self._down)
                mappable = row.draw(axis, sample)
                axis.set_xticks([])
                axis.set_yticks([])
                if not index:
                    axis.set_title(name, fontsize=9)
                x += self._across + self.GAP
            text(
                self.LABEL - 0.1,
                y + self._down / 2,
                row.label(),
                ha="right",
                va="center",
            )
            if row.bar:
                y, down = y + 0.1 * self._down, 0.8 * self._down
                bar = axes(x, y, 0.13, down, "<colorbar>")
                bar = panel.colorbar(mappable, cax=bar)
                bar.ax.locator_params(nbins=4)
                bar.set_label(row.bar, fontsize=8)
                bar.ax.tick_params(labelsize=7)
                bar.ax.set_facecolor("0.5")  # what is below, on average


def images_row(scene: Scene) -> Row:
    """Return the row of the images alone."""

    def draw(axis, sample):
        scene.show(axis, sample, scene.size(), colours=True)

    return Row("", "image", draw)


def heat_rows(
    part: Part, scene: Scene, channels: Sequence[int] | None
) -> list[Row]:
    """Return rows of maps of weights, `(samples, height, width, channels)`."""
    count = part.values.shape[-1]
    each = "group" if part.kind == "heat" else "channel"
    if count == 1:
        what = "weight of each position"
        return [heat(part.name, what, part.values[..., 0], scene, "weight")]
    of_x = part.kind == "fusion"
    bar = "weight of x" if of_x else "weight"
    chosen = {f"{bar}, mean of {count} {each}s": part.values.mean(-1)}
    if channels is not None:
        chosen = {f"{bar}, {each} {c}": part.values[..., c] for c in channels}
    return [
        heat(
            part.name,
            what,
            maps,
            scene,
            bar,
            middle=0.5 if of_x else None,
        )
        for what, maps in chosen.items()
    ]


def gradient_row(part: Part, scene: Scene) -> Row:
    """Return the row of a gradient map."""
    maps = shares(part.values)
    what = "Grad-CAM: what moved the decision"
    return heat(part.name, what, maps, scene, SHARE, (0, 1), cmap="viridis")


def shares(maps: np.ndarray) -> np.ndarray:
    """Return maps as shares of the largest value of each."""
    largest = maps.max(axis=(1, 2), keepdims=True)
    return maps / np.where(largest > 0, largest, 1)


def heat(
    name: str,
    what: str,
    maps: np.ndarray,
    scene: Scene,
    bar: str,
    limits: tuple[float, float] | None = None,
    *,
    middle: float | None = None,
    cmap: str = "inferno",
    extent: tuple[float, float, float, float] | None = None,
) -> Row:
    """Return the row of a map for each sample, over the images.

    Args:
        name: The layer.
        what: What is shown of it.
        maps: Array `(samples, height, width)`.
        scene: The images.
        bar: What stands at the colour bar.
        limits: The values at its ends; those of the samples that are drawn by
            default.
        middle: The value at its middle, if there is a special one.
        cmap: The colours, where there is none.
        extent: Where the map is in the image, as matplotlib has it, if it does
            not cover it.
    """
    if maps.ndim != 3:
        raise ValueError(
            "`attention` must be of images, with height and width, to be drawn "
            f"over them. Received: attention of {name!r} of shape {maps.shape}"
        )
    shown = maps[scene.samples]
    low, high = limits or (float(shown.min()), float(shown.max()))
    if middle is not None:
        far = max(high - middle, middle - low)
        low, high, cmap = middle - far, middle + far, "PuOr_r"
    if high - low < 1e-6:  # a map of one value has a scale too
        low, high = low - 0.5, high + 0.5
    size = scene.size(maps.shape[1:])
    height, width = size

    def draw(axis, sample):
        scene.show(axis, sample, size)
        mappable = axis.imshow(
            maps[sample],
            cmap=cmap,
            vmin=low,
            vmax=high,
            alpha=1 if scene.images is None else 0.75,
            interpolation="nearest" if maps.shape[1:] == size else "bilinear",
            extent=extent or (-0.5, width - 0.5, height - 0.5, -0.5),
        )
        axis.set_xlim(-0.5, width - 0.5)
        axis.set_ylim(height - 0.5, -0.5)
        return mappable

    return Row(name, what, draw, bar)
