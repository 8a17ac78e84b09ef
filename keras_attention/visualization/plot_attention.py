"""Plots of attention weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import keras
import numpy as np

from keras_attention._utils import data_formats
from keras_attention.visualization import _gates
from keras_attention.visualization import _heatmaps
from keras_attention.visualization import _offsets
from keras_attention.visualization import _pairs
from keras_attention.visualization import _query_points
from keras_attention.visualization import _records
from keras_attention.visualization import _sampling
from keras_attention.visualization import _window_points
from keras_attention.visualization._figure_layout import FigureLayout
from keras_attention.visualization._names import Names
from keras_attention.visualization._plot_context import PlotContext
from keras_attention.visualization._plot_context import normalized_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Defaults: the most images and layers that are plotted.
MAX_COLUMNS, MAX_LAYERS = 8, 6


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
    query: tuple[float, float] | int | None = None,
    title: str | None = None,
    data_format: str | None = None,
) -> Figure:
    """Plots attention weights, over the images where they are spatial.

    The figure has a column for each image, and a row for each spatial result of
    a layer: heatmaps of weights (of self-attention those of one position), the
    sampling grid of a `SpatialTransformer` and the images that it samples, the
    offsets of a `DeformableConv2D` or `ConvOffset2D`, the points that a query
    of a `MultiScaleDeformableAttention` reads, the glimpses of a
    `RecurrentAttention`, the patches of a `DynamicCapacityNetwork`.

    Below are the gates of channels, with standard deviations over the images
    and differences between classes, and the weights of the branches of
    `SelectiveKernel` and attentional fusions, by depth (those of a single layer
    by class, with `labels`). Means and standard deviations are those of all
    samples, also of samples that have no column.

    Args:
        attention: The result of `keras_attention.attention_maps` for a model,
            of `keras_attention.grad_cam`, or of `attention` of a layer.
        images: The images that attention was computed for, `(samples, height,
            width, channels)`, or without channels. Values are in [0, 1] or in
            [0, 255]; other values are rescaled. Without images, heatmaps are
            plotted alone.
        labels: Classes of the samples, integers.
        class_names: Names of the classes, by their number.
        gradients: The result of `keras_attention.grad_cam`, which is plotted
            below the attention of each layer.
        layer: The layer of `attention`, if that is not the result of
            `attention_maps`. Without it, the kind of attention is guessed from
            the shape, and a dictionary of `"offsets"` and `"mask"` is that of a
            `DeformableConv2D` with an odd, square kernel.
        where: The layers to plot: a regular expression that must match a path
            in full, or a list of paths. By default at most six layers with
            spatial results, evenly by depth, and at most six with gates.
        samples: Indices of the samples to plot. By default the first eight or,
            with `labels`, the first of each of at most ten classes.
        channels: Channels, groups or units, with a heatmap of their own. By
            default there is one heatmap of the mean, or, of units, one of each
            of the three whose weights differ most between positions.
        points: Locations of the windows of a deformable convolution to plot:
            row and column, as fractions of height and width. By default it is
            the window of `query` or, without it, the window with the largest
            offsets.
        query: The position of which self-attention is plotted, that is, the
            weights of all positions for this one: row and column, as fractions
            of height and width. By default it is the middle of the map. Of a
            deformable convolution, the locations that the kernel reads for this
            position are plotted. Of `MultiScaleDeformableAttention` it is the
            query that reads nearest to this position, or the index of a query.
        title: Title of the figure.
        data_format: Data format of `images`, and of `attention` if its layer is
            not known: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.

    Returns:
        A `matplotlib.figure.Figure`: `figure.savefig("attention.png")` writes
        it to a file. No window is opened.

    Raises:
        ValueError: If an argument is not as described above, if there is
            nothing to plot, or if the attention of a custom layer is a
            dictionary with other keys than those of the layers of this package,
            and the layer has no card with a kind for each key.
        ImportError: If matplotlib is not installed.

    Example:

    >>> layer = keras_attention.SpatialAttention()
    >>> images = np.random.default_rng(0).uniform(size=(3, 16, 16, 3))
    >>> attention = layer.attention(images)
    >>> figure = keras_attention.plot_attention(attention, images)
    >>> type(figure)
    <class 'matplotlib.figure.Figure'>
    """
    data_format = data_formats.resolve_data_format(data_format)
    by_path = _select(_records.by_path(attention, layer), where)
    records = _records.records(by_path, layer, data_format)
    gradient_records = []
    if gradients is not None:
        gradient_records = _records.records(
            _records.by_path(gradients, None), None, None, "gradients"
        )
    count = records[0].count
    if images is not None:
        images = normalized_images(images, data_format)
    classes = None if labels is None else np.asarray(labels).reshape(-1)
    for name, array in (("images", images), ("labels", classes)):
        if array is not None and len(array) != count:
            raise ValueError(
                f"`{name}` must be of the {count} samples of `attention`. "
                f"Received: {name}=array of shape {array.shape}"
            )
    chosen = _sample_indices(samples, classes, count)
    names = Names(classes, class_names)
    context = PlotContext(images, chosen, [names.sample(i) for i in chosen])
    groups = _rows_of_layers(
        records, gradient_records, context, channels, points, query
    )
    gates = [record for record in records if record.kind in _gates.PLOTTED]
    subtitle = ""
    if where is None:
        subtitle = _selection_note(groups)
        groups, gates = _evenly_spaced(groups), _evenly_spaced(gates)
    branches = [r for r in records if r.kind in ("branches", "fusion")]
    pairs = [record for record in records if record.kind == "channel pairs"]
    if not (groups or gates or branches or pairs):
        raise ValueError(
            "`attention` must have an entry of a kind that can be plotted. "
            "Received: attention="
            f"{ {record.name: record.kind for record in records} }"
        )
    layout = FigureLayout(title)
    if groups:
        grid = _heatmaps.ImageGrid(context, groups, subtitle)
        layout.add(grid.height, grid.plot, grid.width)
    for record in gates:
        rows = names.classes() if classes is not None else names.first(count)
        layout.add(
            2 + 0.16 * len(rows),
            lambda panel, *_, record=record, rows=rows: _gates.plot_gates(
                panel, record, classes, rows
            ),
        )
    for record in pairs:
        layout.add(
            3.5,
            lambda panel, *_, record=record: _pairs.plot_channel_pairs(
                panel, record
            ),
        )
    for kind in ("branches", "fusion"):
        group = [record for record in records if record.kind == kind]
        if group:
            rows = [] if classes is None else names.classes()
            layout.add(
                3,
                lambda panel, *_, group=group, rows=rows: _gates.plot_branches(
                    panel, group, classes, rows
                ),
            )
    return layout.figure()


def _rows_of_layers(
    records, gradient_records, context, channels, points, query
):
    """Return the rows of each layer that has spatial attention."""
    groups = []
    last = {record.path: record for record in records}
    for record in records:
        match record.kind:
            case (
                "spatial" | "grouped" | "mixed" | "fusion" | "rows" | "columns"
            ):
                rows = _heatmaps.heatmap_rows(record, context, channels)
            case "units":
                rows = _pairs.unit_rows(record, context, channels)
            case "position pairs":
                rows = _pairs.pair_rows(record, context, query)
            case "cross":
                rows = _pairs.cross_rows(record, context, query)
            case "gradient":
                rows = [_heatmaps.grad_cam_row(record, context)]
            case "grid":
                rows = _sampling.grid_rows(record, context)
            case "kernel offsets":
                rows = _offsets.offset_rows(
                    record,
                    _window_points.kernel_points(record),
                    context,
                    points,
                    query,
                )
            case "group offsets":
                rows = _offsets.offset_rows(
                    record,
                    _window_points.group_points(record),
                    context,
                    points,
                    query,
                )
            case "locations":
                rows = _query_points.point_rows(record, context, query)
            case "pixel offsets":
                rows = _offsets.pixel_offset_rows(record, context)
            case "glimpses":
                rows = _sampling.glimpse_rows(record, context)
            case "patches":
                rows = _sampling.patch_rows(record, context)
            case _:
                rows = []
        if record is last[record.path]:  # once for each layer
            rows += [
                _heatmaps.grad_cam_row(gradient, context)
                for gradient in gradient_records
                if gradient.path == record.path
            ]
        if rows:
            groups.append(rows)
    return groups


def _selection_note(groups):
    """Return a note that not all layers are plotted, or an empty string."""
    count = len(_evenly_spaced(groups))
    if count == len(groups):
        return ""
    return f"{count} of {len(groups)} layers, evenly by depth"


def _evenly_spaced(items: list, limit: int = MAX_LAYERS) -> list:
    """Return a limited number of items, evenly spaced."""
    if len(items) <= limit:
        return items
    indices = np.linspace(0, len(items) - 1, limit).round().astype(int)
    return [items[index] for index in indices]


def _select(by_path, where):
    """Return the attention of the layers that `where` selects, by path."""
    if where is not None:
        if isinstance(where, str):
            wanted = [path for path in by_path if re.fullmatch(where, path)]
        else:
            wanted = list(where)
        if not wanted or not set(wanted) <= set(by_path):
            raise ValueError(
                "`where` must select paths of `attention`, of which there are: "
                f"{', '.join(by_path)}. Received: where={where!r}"
            )
        by_path = {
            path: values for path, values in by_path.items() if path in wanted
        }
    if not by_path:
        raise ValueError(
            "`attention` must be of at least one layer. Received: attention={}"
        )
    return by_path


def _sample_indices(samples, labels, count):
    """Return the indices of the samples to plot."""
    if samples is None and labels is not None:
        return [int(np.flatnonzero(labels == c)[0]) for c in np.unique(labels)][
            :10
        ]
    if samples is None:
        return list(range(min(count, MAX_COLUMNS)))
    samples = [int(i) for i in samples]
    if not samples or not all(0 <= i < count for i in samples):
        raise ValueError(
            f"`samples` must be indices from 0 to {count - 1}, at least one. "
            f"Received: samples={samples}"
        )
    return samples
