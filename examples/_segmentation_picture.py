"""Plot of `segmentation.py`: images, masks and attention."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _overlapping import BACKGROUND
from _overlapping import CLASSES
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

COLORS = [f"C{i}" for i in range(CLASSES)]
MASKS = ListedColormap([*COLORS, "white"])
CMAP = "magma"
DPI = 100
SIDE = 1.25  # inches of an image


class Heat(NamedTuple):
    """Attention of a network for some images.

    Attributes:
        values: Weights `(count, height, width)`; NaN where there is none.
        marks: Row and column of a marked position of each map, `(count, 2)`,
            or `None`.
    """

    values: np.ndarray
    marks: np.ndarray | None = None


def plot(
    path: Path,
    images: np.ndarray,
    masks: Mapping[str, np.ndarray],
    attention: Mapping[str, Heat],
) -> None:
    """Save a plot of images, a row each.

    Args:
        path: The PNG file to write.
        images: Images `(count, side, side, 1)`.
        masks: The classes of the pixels, `(count, side, side)`, by the titles
            of the columns; the true ones are first.
        attention: The attention, by the titles of the columns.
    """
    left, right = 1 + len(masks), len(attention)
    figure = Figure(
        figsize=(SIDE * (left + right) + 0.5, SIDE * len(images) + 1.6),
        dpi=DPI,
        layout="constrained",
    )
    figure.suptitle(
        "Overlapping test digits: masks of a U-Net by the attention in it, and "
        "this attention",
        fontsize=14,
    )
    axes = figure.subplots(
        len(images),
        left + 1 + right,
        squeeze=False,
        width_ratios=[*[1] * left, 0.1, *[1] * right],
    )
    for axis in axes[:, left]:
        axis.set_axis_off()
    _plot_masks(axes[:, :left], images, masks)
    _add_legend(figure)
    _plot_attention(figure, axes[:, left + 1 :], images, attention)
    figure.savefig(path)
    # A palette makes the file a third as large.
    picture = Image.open(path).convert("RGB")
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3).save(
        path, optimize=True
    )


def _plot_masks(
    axes: np.ndarray, images: np.ndarray, masks: Mapping[str, np.ndarray]
) -> None:
    for axis, image in zip(axes[:, 0], images, strict=True):
        axis.imshow(image[..., 0], cmap="gray", vmin=0, vmax=1)
    for column, classes in zip(axes[:, 1:].T, masks.values(), strict=True):
        for axis, mask in zip(column, classes, strict=True):
            axis.imshow(
                mask,
                cmap=MASKS,
                vmin=0,
                vmax=BACKGROUND,
                interpolation="nearest",
            )
    _name_columns(axes, ["test image", *masks])


def _add_legend(figure: Figure) -> None:
    handles = [Patch(color=color) for color in COLORS]
    handles.append(Patch(facecolor="white", edgecolor="black", linewidth=0.5))
    figure.legend(
        handles,
        [*map(str, range(CLASSES)), "background"],
        loc="lower left",
        bbox_to_anchor=(0, 0.01),
        ncols=CLASSES + 1,
        fontsize=9,
        handlelength=1.2,
        columnspacing=1.1,
        title="class of a pixel; where digits overlap, that of the topmost",
        title_fontsize=9,
    )


def _plot_attention(
    figure: Figure,
    axes: np.ndarray,
    images: np.ndarray,
    attention: Mapping[str, Heat],
) -> None:
    """Plot a column for each kind of attention, each in its own range."""
    for column, heat in zip(axes.T, attention.values(), strict=True):
        least, largest = np.nanmin(heat.values), np.nanmax(heat.values)
        scaled = (heat.values - least) / (largest - least)
        for i, (axis, image) in enumerate(zip(column, images, strict=True)):
            mappable = _show(axis, image, scaled[i])
            if heat.marks is not None:
                _mark(axis, image, scaled[i], heat.marks[i])
        column[-1].set_xlabel(f"{least:.2f} to {largest:.2f}", fontsize=9)
    if not attention:
        return
    _name_columns(axes, list(attention))
    bar = figure.colorbar(
        mappable, ax=axes, location="bottom", pad=0.02, aspect=30
    )
    bar.set_ticks([0, 1], labels=["least", "largest"])
    bar.ax.tick_params(labelsize=9)
    bar.set_label("attention of a column; outlines: the ink", fontsize=9)


def _show(axis: Axes, image: np.ndarray, values: np.ndarray):
    """Plot a map over the area of its image, with an outline of the ink."""
    side = len(image) - 0.5
    axis.set_facecolor("lightgray")
    mappable = axis.imshow(
        values,
        cmap=CMAP,
        vmin=0,
        vmax=1,
        extent=(-0.5, side, side, -0.5),
        interpolation="nearest",
    )
    ink = np.pad(image[..., 0], 1)
    positions = np.arange(-1, len(image) + 1)
    axis.contour(positions, positions, ink, [0.2], colors="cyan", linewidths=1)
    axis.set_xlim(-0.5, side)
    axis.set_ylim(side, -0.5)
    return mappable


def _mark(
    axis: Axes, image: np.ndarray, values: np.ndarray, position: np.ndarray
) -> None:
    """Plot a cross at a position of a map."""
    y, x = (position + 0.5) * len(image) / len(values) - 0.5
    axis.plot(x, y, "+", color="lime", markersize=8, markeredgewidth=2)


def _name_columns(axes: np.ndarray, names: list[str]) -> None:
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    for axis, name in zip(axes[0], names, strict=True):
        axis.set_title(name, fontsize=9)
