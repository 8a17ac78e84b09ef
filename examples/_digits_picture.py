"""Plot of `digits.py`: the attention of a layer for test digits."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.figure import SubFigure

CLASSES = range(10)
GROUPS_SHOWN = 3


def plot(
    path: Path,
    title: str,
    images: np.ndarray,
    labels: np.ndarray,
    attention: dict[str, np.ndarray],
) -> None:
    """Save a plot of digits and their attention.

    Args:
        path: The PNG file to write.
        title: The title of the plot.
        images: Images of digits, `(count, side, side, 1)`.
        labels: Their classes.
        attention: Under `"spatial"` weights `(count, height, width, maps)`,
            which cover the image, under `"channel"` weights `(count, 1, 1,
            channels)`; either may miss.
    """
    spatial = attention.get("spatial")
    channel = attention.get("channel")
    maps = {} if spatial is None else _maps(spatial)
    upper = 1.1 * (1 + len(maps)) + 0.7
    lower = 0 if channel is None else 3.4
    figure = Figure(figsize=(12, upper + lower), dpi=100, layout="constrained")
    figure.suptitle(title, fontsize=14)
    parts = figure.subfigures(
        1 if channel is None else 2,
        squeeze=False,
        height_ratios=[upper] if channel is None else [upper, lower],
    )
    _plot_digits(parts[0, 0], images, labels, maps)
    if channel is not None:
        _plot_gates(parts[1, 0], channel[:, 0, 0], labels)
    figure.savefig(path)


def _maps(spatial: np.ndarray) -> dict[str, np.ndarray]:
    """Return the maps to plot, one per digit or per group of channels."""
    if spatial.shape[-1] == 1:
        return {"spatial\nattention": spatial[..., 0]}
    groups = {
        f"group {g + 1}\nof {spatial.shape[-1]}": spatial[..., g]
        for g in range(min(GROUPS_SHOWN, spatial.shape[-1]))
    }
    return {"mean of all\ngroups": spatial.mean(axis=-1), **groups}


def _plot_digits(
    part: SubFigure,
    images: np.ndarray,
    labels: np.ndarray,
    maps: dict[str, np.ndarray],
) -> None:
    """Plot a column per class: a test digit, and its attention below."""
    shown = [int(np.flatnonzero(labels == c)[0]) for c in CLASSES]
    axes = part.subplots(1 + len(maps), len(shown), squeeze=False)
    for axis, i in zip(axes[0], shown, strict=True):
        axis.imshow(images[i, ..., 0], cmap="gray_r", vmin=0, vmax=1)
        axis.set_title(f"class {labels[i]}", fontsize=10)
    _name_row(axes[0], "test image")
    if not maps:
        return
    values = np.stack([values[shown] for values in maps.values()])
    scale = Normalize(values.min(), values.max())
    end = images.shape[1] - 0.5
    for row, name, heat in zip(axes[1:], maps, values, strict=True):
        for axis, i, attended in zip(row, shown, heat, strict=True):
            mappable = axis.imshow(
                attended,
                cmap="magma",
                norm=scale,
                interpolation="bilinear",
                extent=(-0.5, end, end, -0.5),
            )
            _outline(axis, images[i, ..., 0])
        _name_row(row, name)
    axes[-1, 0].set_xlabel("white: outline of the ink", loc="left")
    bar = part.colorbar(mappable, ax=axes[1:], pad=0.01, aspect=12 * len(maps))
    bar.set_label(f"weight\n{scale.vmin:.2f} to {scale.vmax:.2f}")


def _outline(axis: Axes, image: np.ndarray) -> None:
    """Plot the border of the ink, closed at the border of the image."""
    positions = np.arange(-1, len(image) + 1)
    axis.contour(positions, positions, np.pad(image, 1), [0.4], colors="white")
    axis.set_xlim(-0.5, len(image) - 0.5)
    axis.set_ylim(len(image) - 0.5, -0.5)


def _name_row(row: np.ndarray, name: str) -> None:
    for axis in row:
        axis.set_xticks([])
        axis.set_yticks([])
    row[0].set_ylabel(name, fontsize=10)


def _plot_gates(part: SubFigure, gates: np.ndarray, labels: np.ndarray) -> None:
    """Plot the mean gate of each channel over the test digits of a class."""
    means = np.stack([gates[labels == c].mean(axis=0) for c in CLASSES])
    axis: Axes = part.subplots()
    mappable = axis.imshow(means, cmap="viridis", aspect="auto")
    axis.set_title("channel gates: mean over all test digits of a class")
    axis.set_xlabel("channel")
    axis.set_ylabel("class")
    axis.set_yticks(CLASSES)
    bar = part.colorbar(mappable, ax=axis, pad=0.01, aspect=20)
    bar.set_label(f"gate\n{means.min():.2f} to {means.max():.2f}")
