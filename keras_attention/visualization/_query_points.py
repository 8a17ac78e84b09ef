"""Plots of the points of maps that a query reads."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from keras_attention.visualization._heatmaps import Row
from keras_attention.visualization._pairs import MARKER
from keras_attention.visualization._pairs import query_position
from keras_attention.visualization._plot_context import PlotContext
from keras_attention.visualization._records import AttentionRecord

LEVELS = "osD^vP*X"  # the shape of the points of each


def point_rows(
    record: AttentionRecord, context: PlotContext, query: Any
) -> list[Row]:
    """Return the row of the points of one query, on all levels.

    Args:
        record: Attention with `locations` `(samples, queries, heads, levels,
            points, 2)` and maybe `weights`, of this shape without the last
            axis.
        context: The images.
        query: Index of the query, or a row and a column as fractions: then it
            is the query that reads nearest to them.
    """
    locations = record.values["locations"]
    weights = record.values.get("weights")
    if weights is None:
        weights = np.ones(locations.shape[:-1])
    # The mean location of each query, (samples, queries, 2).
    means = (weights[..., None] * locations).sum((2, 3, 4))
    means = means / np.maximum(weights.sum((2, 3, 4)), 1e-12)[..., None]
    chosen = _chosen(query, means)
    levels = locations.shape[3]
    size = context.size()
    shown = [weights[i, chosen[i]] for i in context.samples]
    largest = max(float(np.max(shown)), 1e-12)

    def pixels(points):
        return points * (size[1], size[0]) - 0.5

    def plot(axis, sample):
        context.plot_image(axis, sample, size)
        own = chosen[sample]
        mappable = None
        for level in range(levels):
            x, y = pixels(locations[sample, own, :, level].reshape(-1, 2)).T
            shares = weights[sample, own, :, level].ravel()
            mappable = axis.scatter(
                x,
                y,
                c=shares,
                cmap="viridis",
                vmin=0,
                vmax=largest,
                s=8 + 30 * np.clip(shares / largest, 0, 1),
                marker=LEVELS[level % len(LEVELS)],
                edgecolors="white",
                linewidths=0.5,
                zorder=3,
            )
        axis.plot(*pixels(means[sample, own]), "+", zorder=4, **MARKER)
        # Points may be outside, where they read zeros.
        axis.set_xlim(-0.5, size[1] - 0.5)
        axis.set_ylim(size[0] - 0.5, -0.5)
        return mappable

    content = "points that a query reads, and their mean (cross)"
    if levels > 1:
        content += f": a shape for each of {levels} levels"
    return [Row(record.name, content, plot, "weight")]


def _chosen(query: Any, means: np.ndarray) -> np.ndarray:
    """Return the index of the query to plot in each sample."""
    samples, count, _ = means.shape
    if np.shape(query) or query is None:
        # A grid of 10,000 steps stands for any position.
        row, column = query_position(query, (10_000, 10_000))
        distances = np.abs(means - np.array([column, row]) / 10_000)
        return (distances**2).sum(-1).argmin(-1)
    try:
        index = operator.index(query)
    except TypeError:
        index = -1
    if isinstance(query, bool) or not 0 <= index < count:
        raise ValueError(
            f"`query` must be the index of a query, from 0 to {count - 1}, or "
            "a row and a column, as fractions of height and width from 0 to "
            f"1. Received: query={query!r}"
        )
    return np.full(samples, index)
