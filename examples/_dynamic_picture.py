"""Plot of `dynamic_capacity.py`: the patches of the large network."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

DIMMED = 0.25  # brightness of pixels outside the patches


def plot(
    path: Path,
    title: str,
    images: np.ndarray,
    labels: np.ndarray,
    predictions: np.ndarray,
    saliency: np.ndarray,
    starts: np.ndarray,
    patch: int,
    stride: int,
) -> None:
    """Save a plot of images, their saliency, and the selected patches.

    Args:
        path: The PNG file to write.
        title: The title of the plot.
        images: Images `(count, side, side, 1)`, one per column.
        labels: Their classes.
        predictions: The predicted classes.
        saliency: Saliency maps, `(count, height, width)`.
        starts: Row and column in the image of each patch's first pixel,
            `(count, patches, 2)`.
        patch: Height and width of a patch in pixels.
        stride: Pixels from a position of the maps to the next.
    """
    figure = Figure(figsize=(13, 4.7), dpi=100, layout="constrained")
    figure.suptitle(title, fontsize=14)
    rows = figure.subplots(3, len(images), squeeze=False)
    for axis, image, label, predicted in zip(
        rows[0], images, labels, predictions, strict=True
    ):
        _show(axis, image)
        wrong = label != predicted
        axis.set_title(
            f"{label}, read as {predicted}" if wrong else f"{label}",
            color="tab:red" if wrong else "black",
            fontsize=10,
        )
    for axis, image, salient in zip(rows[1], images, saliency, strict=True):
        mappable = _show_saliency(axis, image, salient, patch, stride)
    for axis, image, corners in zip(rows[2], images, starts, strict=True):
        _show_patches(axis, image, corners, patch)
    names = ("test image", "saliency", "refined patches")
    for axis, name in zip(rows[:, 0], names, strict=True):
        axis.set_ylabel(name, fontsize=10)
    bar = figure.colorbar(mappable, ax=rows[1], pad=0.01, aspect=12)
    bar.set_label("share of the\nlargest", fontsize=9)
    figure.savefig(path)


def _show(axis: Axes, image: np.ndarray) -> None:
    axis.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
    axis.set_xticks([])
    axis.set_yticks([])


def _show_saliency(
    axis: Axes, image: np.ndarray, salient: np.ndarray, patch: int, stride: int
):
    """Plot each position as the square around the middle of its patch."""
    _show(axis, np.zeros_like(image))
    height, width = salient.shape
    first = (patch - stride - 1) / 2
    mappable = axis.imshow(
        salient / salient.max(),
        cmap="magma",
        vmin=0,
        vmax=1,
        extent=(
            first,
            first + stride * width,
            first + stride * height,
            first,
        ),
    )
    axis.contour(image[..., 0], [0.4], colors="white", linewidths=0.6)
    axis.set_xlim(-0.5, len(image) - 0.5)
    axis.set_ylim(len(image) - 0.5, -0.5)
    return mappable


def _show_patches(
    axis: Axes, image: np.ndarray, corners: np.ndarray, patch: int
) -> None:
    """Plot the image, pale outside the patches."""
    seen = np.zeros_like(image)
    for row, column in corners:
        seen[max(row, 0) : row + patch, max(column, 0) : column + patch] = 1
        axis.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5),
                patch,
                patch,
                fill=False,
                color="tab:orange",
                linewidth=0.8,
            )
        )
    _show(axis, image * (DIMMED + (1 - DIMMED) * seen))
