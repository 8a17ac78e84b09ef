"""Plot of `spatial_transformer.py`: sampling grids and resampled images."""

from pathlib import Path

import _training
import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

CLASSES = range(10)


def plot(
    path: Path,
    models: dict[str, keras.Model],
    images: np.ndarray,
    labels: np.ndarray,
) -> None:
    """Save a plot of a digit of each class and its resampled image.

    Args:
        path: The PNG file to write.
        models: By name, one without a transformer, and one whose layer
            `"transformer"` is one.
        images: Distorted digits; the first of each class is plotted.
        labels: Their classes.
    """
    shown = [int(np.flatnonzero(labels == c)[0]) for c in CLASSES]
    images, labels = images[shown], labels[shown]
    read = [_training.classes(model, images) for model in models.values()]
    layer = next(reversed(models.values())).get_layer("transformer")
    seen, grid = (
        keras.ops.convert_to_numpy(values)
        for values in layer(images, return_attention=True)
    )
    figure = Figure(figsize=(12, 3.3), dpi=100, layout="constrained")
    figure.suptitle(
        "What a spatial transformer looks at, in digits that the network was "
        "not trained on: the first of each class",
        fontsize=12,
    )
    axes = figure.subplots(2, len(shown))
    for column, image, view, locations, label, *guesses in zip(
        axes.T, images, seen, grid, labels, *read, strict=True
    ):
        column[0].set_title(f"class {label}", fontsize=10)
        for axis, pixels, guess in zip(
            column, (image, view), guesses, strict=True
        ):
            axis.imshow(pixels[..., 0], cmap="gray_r", vmin=0, vmax=1)
            axis.set_xticks([])
            axis.set_yticks([])
            color = "black" if guess == label else "tab:red"
            axis.set_xlabel(f"read: {guess}", fontsize=10, color=color)
        _outline(column[0], locations, len(image))
    axes[0, 0].set_ylabel("image and frame,\nread by the\nplain network")
    axes[1, 0].set_ylabel("what is in the\nframe, and how\nthat is read")
    figure.savefig(path)


def _outline(axis: Axes, grid: np.ndarray, size: int) -> None:
    """Plot the border of the sampling grid, its top edge in red."""
    pixels = (grid + 1) / 2 * (size - 1)
    sides = [pixels[:, 0], pixels[-1], pixels[::-1, -1]]
    border = np.concatenate(sides)
    axis.plot(*border.T, color="tab:blue", linewidth=1.5)
    axis.plot(*pixels[0].T, color="tab:red", linewidth=2)
    axis.set_xlim(-0.5, size - 0.5)
    axis.set_ylim(size - 0.5, -0.5)
