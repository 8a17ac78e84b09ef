"""Plots of channel gates, and of the weights of branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_attention.fusion import SelectiveKernel
from keras_attention.visualization._records import AttentionRecord

# Colors of Okabe and Ito, for color-blind readers.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = "osD^vP"
# The kinds of gates of channels, and what is said of their plot.
PLOTTED = {
    "channel": "",
    "mixed": ", mean of positions",
    "rows": ", mean of rows",
    "columns": ", mean of columns",
}


def channel_gates(record: AttentionRecord) -> np.ndarray:
    """Return the gate of each channel, `(samples, channels)`."""
    values = record.values
    return values.reshape(len(values), -1, values.shape[-1]).mean(1)


def plot_gates(
    panel: Any,
    record: AttentionRecord,
    labels: np.ndarray | None,
    names: Sequence[str],
) -> None:
    """Plot the gate of each channel, and the differences between classes.

    Args:
        panel: Figure or part of one.
        record: Record of a kind in `PLOTTED`.
        labels: Classes of the samples, or `None`.
        names: Names of the classes or, without labels, of the samples.
    """
    gates = channel_gates(record)
    order = np.argsort(gates.mean(0), kind="stable")
    gates = gates[:, order]
    groups = np.arange(len(gates)) if labels is None else labels
    rows = np.stack([gates[groups == g].mean(0) for g in np.unique(groups)])
    has_rows = 1 < len(rows) <= len(names)
    panel.suptitle(
        f"{record.name}: gate of each channel" + PLOTTED[record.kind],
        fontsize=10,
    )
    axes = panel.subplots(
        1 + has_rows,
        sharex=True,
        squeeze=False,
        height_ratios=[1, max(0.5, 0.13 * len(rows))] if has_rows else None,
    )[:, 0]
    _plot_means(axes[0], gates)
    axes[-1].set_xlabel("channels, in the order of their mean gate")
    axes[-1].set_xticks(_ticks(len(order)), order[_ticks(len(order))])
    if not has_rows:
        return
    differences = rows - gates.mean(0)
    # Differences by rounding must not look like those of classes.
    limit = max(float(np.abs(differences).max()), 1e-4)
    mappable = axes[1].imshow(
        differences,
        cmap="PuOr_r",
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    axes[1].set_yticks(range(len(rows)), names[: len(rows)], fontsize=7)
    bar = panel.colorbar(mappable, ax=axes[1], pad=0.01, aspect=12)
    minuend = "class mean" if labels is not None else "image"
    bar.set_label(f"{minuend} minus\nmean of all", fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _ticks(count: int, limit: int = 16) -> np.ndarray:
    """Return some of the indices of channels, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, limit)).astype(int))


def _plot_means(axis, gates):
    """Plot means and standard deviations of gates over the samples."""
    index = np.arange(gates.shape[1])
    mean, deviation = gates.mean(0), gates.std(0)
    if len(gates) > 1:
        axis.fill_between(
            index,
            mean - deviation,
            mean + deviation,
            color=COLORS[0],
            alpha=0.25,
            linewidth=0,
            label=f"± 1 standard deviation of {len(gates)} images",
        )
    axis.plot(index, mean, ".-", color=COLORS[0], label="mean gate")
    axis.set_ylabel("gate", fontsize=9)
    axis.set_xlim(-0.5, gates.shape[1] - 0.5)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7, loc="lower right", framealpha=0.8)


def plot_branches(
    panel: Any,
    records: Sequence[AttentionRecord],
    labels: np.ndarray | None,
    names: Sequence[str],
) -> None:
    """Plot the weight of each branch, by the order of layers in the model.

    With labels, the weights of a single layer are plotted by class.

    Args:
        panel: Figure or part of one.
        records: Records of the kind `"branches"`, or of the kind `"fusion"`.
        labels: Classes of the samples, or `None`.
        names: Names of the classes.
    """
    axis = panel.subplots()
    weights = [_branch_weights(record) for record in records]
    ticks = [record.name.replace("/", "/\n") for record in records]
    unit = "branch" if records[0].kind == "branches" else "input of a fusion"
    title = f"Weight of each {unit}, by depth: mean of images"
    by_class = labels is not None and len(records) == 1
    if labels is not None and by_class:
        title = f"{records[0].name}: weight of each {unit}, mean of images"
        ticks = list(names)
        weights = [weights[0][labels == c] for c in np.unique(labels)]
        records = [records[0]] * len(weights)
    for branch in range(max(w.shape[1] for w in weights)):
        points = [i for i, w in enumerate(weights) if branch < w.shape[1]]
        values = [weights[i][:, branch] for i in points]
        color = COLORS[branch % len(COLORS)]
        xs = np.array(points) + 0.08 * (branch - 0.5)
        axis.errorbar(
            xs,
            [v.mean() for v in values],
            [v.std() for v in values],
            color=color,
            marker=MARKERS[branch % len(MARKERS)],
            capsize=3,
            # Classes have no order that a line could show.
            linestyle="none" if by_class else "-",
            linewidth=1.4,
            label=_branch_name(records[points[0]], branch),
        )
        if labels is not None and not by_class:
            _plot_dashes(axis, xs + 0.12, values, labels, color)
    axis.set_xticks(range(len(ticks)), ticks, fontsize=8)
    axis.set_xlim(-0.5, len(ticks) - 0.5)
    axis.set_ylabel("weight, mean of channels", fontsize=9)
    has_dashes = labels is not None and not by_class
    axis.set_title(
        f"{title} ± 1 standard deviation"
        + ("; dashes: means of classes" if has_dashes else ""),
        fontsize=10,
    )
    axis.grid(axis="y", alpha=0.3)
    axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))


def _plot_dashes(axis, xs, values, labels, color):
    """Plot a dash for the mean of each class, beside each point."""
    for x, v in zip(xs, values, strict=True):
        means = [v[labels == c].mean() for c in np.unique(labels)]
        axis.plot([x] * len(means), means, "_", color=color, markersize=7)


def _branch_weights(record: AttentionRecord) -> np.ndarray:
    """Return the weight of each branch, `(samples, branches)`."""
    if record.kind == "branches":
        return record.values.mean(-1)
    weight_of_x = record.values.reshape(len(record.values), -1).mean(1)
    return np.stack([weight_of_x, 1 - weight_of_x], 1)


def _branch_name(record: AttentionRecord, branch: int) -> str:
    if record.kind == "fusion":
        return ("x", "residual")[branch]
    if isinstance(record.layer, SelectiveKernel):
        return f"path {branch}, dilation {1 + branch}"
    return f"branch {branch}"
