"""Plots of attention weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import keras
import numpy as np

from keras_attention import _axes
from keras_attention.visualization import _moves
from keras_attention.visualization import _panels
from keras_attention.visualization import _parts
from keras_attention.visualization import _places
from keras_attention.visualization import _rows
from keras_attention.visualization._scene import Scene
from keras_attention.visualization._scene import unit_range
from keras_attention.visualization._sheet import Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS, LAYERS = 8, 6  # that are drawn where nothing is said


def plot_attention(
    attention: Any,
    images: Any = None,
    *,
    labels: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    gradients: Mapping[str, Any] | None = None,
    layer: keras.layers.Layer | None = None,
    where: str | Sequence[str] | None = None,
    samples: Sequence[int] | None = None,
    channels: Sequence[int] | None = None,
    points: Sequence[tuple[float, float]] | None = None,
    title: str | None = None,
    data_format: str | None = None,
) -> Figure:
    """Plots attention weights, over the images where they are spatial.

    There is a column for each image, and below it a row for each thing that a
    layer says about places: weights of positions as a heat map, the sampling
    grid of a `SpatialTransformer` and what it reads, where the taps of a
    `DeformableConv2D` look, the glimpses of a `RecurrentAttention`, the
    patches of a `DynamicCapacityNetwork`. Below stand the gates of channels,
    with their deviations between images and how classes differ in them, and
    the branches that a `SelectiveKernel` or an attentional fusion chooses, by
    depth. Means and deviations are those of all samples, not only of those
    whose images are drawn.

    Args:
        attention: What `keras_attention.attention_maps` returned for a model,
            or `attention` of a layer; `keras_attention.grad_cam` too.
        images: What attention was computed for, `(samples, height, width,
            channels)`, or without channels. Values are in [0, 1], or up to
            255, or are brought to that range. Without images, what is drawn
            over them stands alone.
        labels: Classes of the samples, integers.
        class_names: What the classes are called, by their number.
        gradients: What `keras_attention.grad_cam` returned, to be drawn
            below the attention of each layer.
        layer: The layer whose attention it is, if `attention` is not from
            `attention_maps`. Without it the kind of attention is told from its
            shape, as far as that goes.
        where: Which layers: a regular expression that must match a path in
            full, or a list of paths. By default at most six that draw on
            images, evenly by depth, and at most six that have gates.
        samples: Which samples are drawn, by index. By default the first eight
            or, with `labels`, the first of each of at most ten classes.
        channels: Which channels, or groups, of a map have a heat map each. By
            default there is one of their mean.
        points: Where the windows are whose taps are drawn: row and column, as
            shares of height and width. By default it is the window that is
            bent the most.
        title: What stands above all.
        data_format: That of `images`, and of `attention` if its layer is not
            known: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.

    Returns:
        A `matplotlib.figure.Figure`: `figure.savefig("attention.png")` writes
        it to a file. No window is opened.

    Raises:
        ValueError: If an argument is not as described above, or if there is
            nothing to draw.
        ImportError: If matplotlib is not installed.

    Example:

    >>> layer = keras_attention.SpatialAttention()
    >>> images = np.random.default_rng(0).uniform(size=(3, 16, 16, 3))
    >>> attention = layer.attention(images)
    >>> figure = keras_attention.plot_attention(attention, images)
    >>> type(figure)
    <class 'matplotlib.figure.Figure'>
    """
    data_format = _axes.resolve_data_format(data_format)
    parts = _selected(_parts.parts(attention, layer, data_format), where)
    below = [] if gradients is None else _parts.parts(gradients, None, None)
    count = parts[0].count
    if images is not None:
        images = unit_range(images, data_format)
    classes = None if labels is None else np.asarray(labels).reshape(-1)
    for name, array in (("images", images), ("labels", classes)):
        if array is not None and len(array) != count:
            raise ValueError(
                f"`{name}` must be of the {count} samples of `attention`. "
                f"Received: {len(array)} {name}"
            )
    chosen = _samples(samples, classes, count)
    names = _Names(classes, class_names)
    scene = Scene(images, chosen, [names.sample(i) for i in chosen])
    groups = _all_rows(parts, below, scene, channels, points)
    gates = [part for part in parts if part.kind in ("gates", "mask")]
    told = ""
    if where is None:
        told = _told(groups)
        groups, gates = _spread(groups), _spread(gates)
    branches = [
        [part for part in parts if part.kind == kind]
        for kind in ("branches", "fusion")
    ]
    sheet = Sheet(title)
    if groups:
        grid = _rows.Grid(scene, groups, told)
        sheet.add(grid.height, grid.draw, grid.width)
    for part in gates:
        shown = names.classes() if classes is not None else names.first(count)
        height = 2 + 0.16 * len(shown)
        sheet.add(
            height,
            lambda panel, *_, part=part, shown=shown: _panels.draw_gates(
                panel, part, classes, shown
            ),
        )
    for group in filter(None, branches):
        sheet.add(
            3,
            lambda panel, *_, group=group: _panels.draw_branches(
                panel, group, classes
            ),
        )
    return sheet.figure()


class _Names:
    """What samples and classes are called."""

    def __init__(self, labels, class_names) -> None:
        self._labels = labels
        self._class_names = class_names

    def sample(self, index: int) -> str:
        if self._labels is None:
            return f"image {index}"
        return self._class(self._labels[index])

    def classes(self) -> list[str]:
        return [self._class(label) for label in np.unique(self._labels)]

    def first(self, count: int) -> list[str]:
        """Return the names of samples, if they are few enough for rows."""
        return [self.sample(i) for i in range(count)] if count <= 16 else []

    def _class(self, label) -> str:
        if self._class_names is None:
            return f"class {label}"
        return str(self._class_names[label])


def _all_rows(parts, below, scene, channels, points):
    """Return the rows of each layer."""
    groups = []
    for part in parts:
        match part.kind:
            case "heat" | "mask" | "fusion":
                rows = _rows.heat_rows(part, scene, channels)
            case "gradient":
                rows = [_rows.gradient_row(part, scene)]
            case "grid":
                rows = _places.grid_rows(part, scene)
            case "taps":
                rows = _moves.tap_rows(part, scene, points)
            case "shifts":
                rows = _moves.shift_rows(part, scene)
            case "glimpses":
                rows = _places.glimpse_rows(part, scene)
            case "patches":
                rows = _places.patch_rows(part, scene)
            case _:
                rows = []
        path = _path(part)
        rows += [_rows.gradient_row(g, scene) for g in below if g.name == path]
        if rows:
            groups.append(rows)
    return groups


def _told(groups):
    """Return that not all layers are there, if they are not."""
    shown = len(_spread(groups))
    if shown == len(groups):
        return ""
    return f"{shown} of {len(groups)} layers, evenly by depth"


def _path(part):
    """Return the path of a part that draws on images, for its gradient."""
    return part.name.removesuffix(" spatial")


def _spread(things: list, most: int = LAYERS) -> list:
    """Return some of many, evenly."""
    if len(things) <= most:
        return things
    places = np.linspace(0, len(things) - 1, most).round().astype(int)
    return [things[place] for place in places]


def _selected(parts, where):
    """Return the parts of the layers that are asked for."""
    if where is not None:
        paths = list(dict.fromkeys(_origin(part) for part in parts))
        if isinstance(where, str):
            wanted = [path for path in paths if re.fullmatch(where, path)]
        else:
            wanted = list(where)
        if not wanted or not set(wanted) <= set(paths):
            raise ValueError(
                "`where` must select paths of `attention`, of which there are: "
                f"{', '.join(paths)}. Received: where={where!r}"
            )
        parts = [part for part in parts if _origin(part) in wanted]
    if not parts:
        raise ValueError(
            "`attention` must be of a layer at least. Received: attention={}"
        )
    return parts


def _origin(part):
    return part.name.removesuffix(" spatial").removesuffix(" channel")


def _samples(samples, labels, count):
    """Return the indices of the samples that are drawn."""
    if samples is None and labels is not None:
        return [int(np.flatnonzero(labels == c)[0]) for c in np.unique(labels)][
            :10
        ]
    if samples is None:
        return list(range(min(count, COLUMNS)))
    samples = [int(i) for i in samples]
    if not samples or not all(0 <= i < count for i in samples):
        raise ValueError(
            f"`samples` must be indices from 0 to {count - 1}, at least one. "
            f"Received: samples={samples}"
        )
    return samples
