"""Heat maps over images: a row a layer, a column an image."""

from __future__ import annotations

import dataclasses
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
        return [heat(part.name, "", part.values[..., 0], scene, "weight")]
    bar = "weight of `x`" if part.kind == "fusion" else "weight"
    chosen = {
        f"mean of {count} {each}s": part.values.mean(-1),
    }
    if channels is not None:
        chosen = {f"{each} {c}": part.values[..., c] for c in channels}
    return [
        heat(
            part.name,
            what,
            maps,
            scene,
            bar,
            middle=0.5 if part.kind == "fusion" else None,
        )
        for what, maps in chosen.items()
    ]


def gradient_row(part: Part, scene: Scene) -> Row:
    """Return the row of a gradient map."""
    maps = shares(part.values)
    what = "Grad-CAM"
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
            alpha=1 if scene.images is None else 0.65,
            interpolation="nearest" if maps.shape[1:] == size else "bilinear",
            extent=extent or (-0.5, width - 0.5, height - 0.5, -0.5),
        )
        axis.set_xlim(-0.5, width - 0.5)
        axis.set_ylim(height - 0.5, -0.5)
        return mappable

    return Row(name, what, draw, bar)
