"""Plots of weights between positions: those of units, and those of pairs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from keras_attention.visualization._heatmaps import Row
from keras_attention.visualization._heatmaps import check_channels
from keras_attention.visualization._heatmaps import heatmap_row
from keras_attention.visualization._plot_context import PlotContext
from keras_attention.visualization._records import AttentionRecord

UNITS = 3  # that are plotted by default
# The style of the cross that marks a position.
MARKER = {"color": "cyan", "markersize": 9, "markeredgewidth": 2}


def unit_rows(
    record: AttentionRecord, context: PlotContext, channels: Any
) -> list[Row]:
    """Return rows of the weights of units, `(samples, positions, units)`.

    By default there are rows of the units whose weights differ most between the
    positions. The mean of all units is often the same everywhere.
    """
    values = record.values
    height, width = map_size(record, values.shape[1], context)
    maps = values.reshape(len(values), height, width, -1)
    if channels is None:
        variation = maps[context.samples].std(axis=(1, 2)).mean(0)
        channels = np.sort(np.argsort(-variation, kind="stable")[:UNITS])
    check_channels(channels, values.shape[-1], record.name)
    return [
        heatmap_row(
            record.name,
            f"weight, unit {unit} of {values.shape[-1]}",
            maps[..., unit],
            context,
            "weight",
        )
        for unit in channels
    ]


def map_size(
    record: AttentionRecord, positions: int, context: PlotContext
) -> tuple[int, int]:
    """Return height and width of a map with a number of positions.

    They are those of the map that the layer was called on. If that map is not
    known, or has another number of positions, they have its proportions, or
    those of the images.
    """
    size = record.size or context.size((1, 1))
    if len(size) == 2 and np.prod(size) == positions:
        return size
    if len(size) != 2:
        raise ValueError(
            "`attention` must be of images, with height and width, to be "
            "plotted over them. "
            f"Received: attention={{{record.name!r}: attention of a map of "
            f"size {tuple(size)}}}"
        )
    heights = [n for n in range(1, positions + 1) if positions % n == 0]
    ratio = np.log(size[0] / size[1])
    height = min(heights, key=lambda n: abs(np.log(n * n / positions) - ratio))
    return height, positions // height


def pair_rows(
    record: AttentionRecord, context: PlotContext, query: Any
) -> list[Row]:
    """Return the row of the weights of all positions for one position.

    Args:
        record: Attention `(samples, positions, positions that are read)`.
        context: The images.
        query: Row and column of the position, as fractions.
    """
    values = record.values
    size = map_size(record, values.shape[1], context)
    row, column = query_position(query, size)
    maps = values[:, row * size[1] + column]
    height, width = _pooled_size(record, size, maps.shape[1], context)
    maps = maps.reshape(len(maps), height, width)
    return [_marked(record.name, maps, context, (row, column), size)]


def _pooled_size(
    record: AttentionRecord,
    size: tuple[int, int],
    positions: int,
    context: PlotContext,
) -> tuple[int, int]:
    """Return height and width of a map whose positions may be pooled.

    They are those of a map of this size in blocks of some side, of which whole
    ones are counted, and at least one.
    """
    for side in range(1, max(size) + 1):
        height, width = (max(1, length // side) for length in size)
        if height * width == positions:
            return height, width
    return map_size(record, positions, context)


def cross_rows(
    record: AttentionRecord, context: PlotContext, query: Any
) -> list[Row]:
    """Return the row of the weights of the cross through one position."""
    of_column, of_row = record.values["height"], record.values["width"]
    size = of_column.shape[1:3]
    row, column = query_position(query, size)
    maps = np.zeros((len(of_row), *size), of_row.dtype)
    maps[:, :, column] = of_column[:, row, column]
    maps[:, row] += of_row[:, row, column]
    return [_marked(record.name, maps, context, (row, column), size)]


def query_position(query: Any, size: tuple[int, int]) -> tuple[int, int]:
    """Return the row and column of a position given by fractions."""
    if query is None:
        query = (0.5, 0.5)
    try:
        fractions = np.asarray(query, "float64")
    except (TypeError, ValueError):
        fractions = np.zeros(0)
    # A comparison with NaN is false.
    is_inside = np.logical_and(fractions >= 0, fractions <= 1).all()
    if fractions.shape != (2,) or not is_inside:
        raise ValueError(
            "`query` must be a row and a column, as fractions of height and "
            f"width from 0 to 1. Received: query={query!r}"
        )
    row, column = (
        min(int(fraction * count), count - 1)
        for fraction, count in zip(fractions, size, strict=True)
    )
    return row, column


def _marked(name, maps, context, position, size) -> Row:
    """Return the row of a heatmap with a cross at the position that looks."""
    row = heatmap_row(
        name,
        "weight of each position for the one marked by a cross",
        maps,
        context,
        "weight",
    )

    def plot(axis, sample):
        mappable = row.plot(axis, sample)
        height, width = context.size(maps.shape[1:])
        axis.plot(
            (position[1] + 0.5) * width / size[1] - 0.5,
            (position[0] + 0.5) * height / size[0] - 0.5,
            "+",
            **MARKER,
        )
        return mappable

    return dataclasses.replace(row, plot=plot)


def plot_channel_pairs(panel: Any, record: AttentionRecord) -> None:
    """Plot the weights of all pairs of channels, the mean of the images."""
    axis = panel.subplots()
    mean = record.values.mean(0)
    mappable = axis.imshow(mean, cmap="inferno", interpolation="nearest")
    axis.set_title(
        f"{record.name}\nweights of channels, mean of "
        f"{len(record.values)} images",
        fontsize=10,
    )
    for ticks in (axis.xaxis, axis.yaxis):
        ticks.get_major_locator().set_params(integer=True)
    axis.set_xlabel("channel that is read", fontsize=9)
    axis.set_ylabel("channel that reads", fontsize=9)
    bar = axis.inset_axes((1.03, 0, 0.05, 1))  # beside it, of its height
    panel.colorbar(mappable, cax=bar).set_label("weight", fontsize=8)
