"""Plot of `recurrent_attention.py`: locations and pixels of glimpses."""

from collections.abc import Callable
from pathlib import Path

import _training
import keras
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import keras_attention

CLASSES = range(10)
UNSEEN_IS_BLUE = colormaps["gray_r"].with_extremes(bad="lightsteelblue")


def plot(
    path: Path,
    model: keras_attention.RecurrentAttention,
    images: np.ndarray,
    labels: np.ndarray,
    preprocess: Callable = np.asarray,
    which: str = "digits that the network was not trained on",
) -> None:
    """Save a plot of a digit of each class, with its glimpses.

    Args:
        path: The PNG file to write.
        model: A recurrent attention model.
        images: Distorted digits; the first of each class is plotted.
        labels: Their classes.
        preprocess: A function that the model's images go through.
        which: What the images are, for the title.
    """
    shown = [
        int(np.flatnonzero(labels == c)[0]) for c in CLASSES if c in labels
    ]
    images, labels = images[shown], labels[shown]
    inputs = preprocess(images)
    locations = keras.ops.convert_to_numpy(model.locations(inputs))
    size = images.shape[1]
    # The pixel at the center of the squares of a location.
    pixels = np.floor((locations + 1) / 2 * size).astype(int)
    figure = Figure(figsize=(12, 3.4), dpi=100, layout="constrained")
    figure.suptitle(
        f"{model.num_glimpses} glimpses, in the order of their numbers, of "
        f"{which}: the first of each class",
        fontsize=12,
    )
    axes = figure.subplots(2, len(shown))
    for column, image, way, label, guess in zip(
        axes.T,
        images[..., 0],
        pixels,
        labels,
        _training.classes(model, inputs),
        strict=True,
    ):
        column[0].set_title(f"class {label}", fontsize=10)
        column[0].imshow(image, cmap="gray_r", vmin=0, vmax=1)
        _plot_way(column[0], way, model.glimpse_size)
        seen = _seen(image, way, model)
        column[1].imshow(seen, cmap=UNSEEN_IS_BLUE, vmin=0, vmax=1)
        color = "black" if guess == label else "tab:red"
        column[1].set_xlabel(f"read: {guess}", fontsize=10, color=color)
        for axis in column:
            axis.set_xticks([])
            axis.set_yticks([])
            axis.set_xlim(-0.5, size - 0.5)
            axis.set_ylim(size - 0.5, -0.5)
    axes[0, 0].set_ylabel("image, and what\nis seen sharply")
    axes[1, 0].set_ylabel("all that is seen,\nblue: nothing")
    figure.savefig(path)


def _plot_way(axis: Axes, way: np.ndarray, side: int) -> None:
    """Plot the finest squares, and the path between their centers."""
    colors = colormaps["plasma"](np.linspace(0, 0.85, len(way)))
    axis.plot(*way.T, color="tab:blue", linewidth=1)
    for i, (location, color) in enumerate(zip(way, colors, strict=True)):
        corner = location - side // 2 - 0.5
        axis.add_patch(
            Rectangle(corner, side, side, fill=False, edgecolor=color)
        )
        axis.text(
            *location,
            str(i + 1),
            color="white",
            fontsize=7,
            ha="center",
            va="center",
            bbox={"boxstyle": "circle,pad=0.15", "fc": color, "ec": "none"},
            clip_on=True,
        )


def _seen(
    image: np.ndarray,
    way: np.ndarray,
    model: keras_attention.RecurrentAttention,
) -> np.ndarray:
    """Return the pixels of the glimpses of an image, NaN elsewhere."""
    side = model.glimpse_size
    margin = side * model.scale_factor ** (model.num_scales - 1)
    padded = np.pad(image, margin)
    seen = np.full_like(padded, np.nan)
    for scale in reversed(range(model.num_scales)):  # the finest on top
        factor = model.scale_factor**scale
        for left, top in way + margin - factor * side // 2:
            square = (
                slice(top, top + factor * side),
                slice(left, left + factor * side),
            )
            tiles = padded[square].reshape(side, factor, side, factor)
            blurred = np.kron(tiles.mean((1, 3)), np.ones((factor, factor)))
            seen[square] = blurred
    return seen[margin:-margin, margin:-margin]
