"""Gates by channel, and branches by depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_attention.visualization._parts import Part

# Of Okabe and Ito, for all eyes.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = "osD^vP"


def gates_of(part: Part) -> np.ndarray:
    """Return one gate a channel, `(samples, channels)`."""
    values = part.values
    return values.reshape(len(values), -1, values.shape[-1]).mean(1)


def draw_gates(
    panel: Any, part: Part, labels: np.ndarray | None, names: Sequence[str]
) -> None:
    """Draw the gate of each channel, and how classes differ in it.

    Args:
        panel: Figure or part of one.
        part: What is drawn, of kind `"gates"` or `"mask"`.
        labels: Classes of the samples, or `None`.
        names: What the classes, or without labels the samples, are called.
    """
    gates = gates_of(part)
    order = np.argsort(gates.mean(0), kind="stable")
    gates = gates[:, order]
    groups = np.arange(len(gates)) if labels is None else labels
    rows = np.stack([gates[groups == g].mean(0) for g in np.unique(groups)])
    several = 1 < len(rows) <= len(names)
    panel.suptitle(
        f"{part.name}: gate of each channel"
        + (", mean of positions" if part.kind == "mask" else ""),
        fontsize=10,
    )
    axes = panel.subplots(
        1 + several,
        sharex=True,
        squeeze=False,
        height_ratios=[1, max(0.5, 0.13 * len(rows))] if several else None,
    )[:, 0]
    _draw_means(axes[0], gates, "images")
    axes[-1].set_xlabel("channels, in the order of their mean gate")
    axes[-1].set_xticks(_some(len(order)), order[_some(len(order))])
    if not several:
        return
    apart = rows - gates.mean(0)
    far = max(float(np.abs(apart).max()), 1e-6)
    mappable = axes[1].imshow(
        apart,
        cmap="PuOr_r",
        vmin=-far,
        vmax=far,
        aspect="auto",
        interpolation="nearest",
    )
    axes[1].set_yticks(range(len(rows)), names[: len(rows)], fontsize=7)
    bar = panel.colorbar(mappable, ax=axes[1], pad=0.01, aspect=12)
    whose = "class mean" if labels is not None else "image"
    bar.set_label(f"{whose} less\nmean of all", fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _some(count: int, most: int = 16) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def _draw_means(axis, gates, whose):
    places = np.arange(gates.shape[1])
    mean, deviation = gates.mean(0), gates.std(0)
    if len(gates) > 1:
        axis.fill_between(
            places,
            mean - deviation,
            mean + deviation,
            color=COLOURS[0],
            alpha=0.25,
            linewidth=0,
            label=f"± 1 deviation between {len(gates)} {whose}",
        )
    axis.plot(places, mean, ".-", color=COLOURS[0], label="mean gate")
    axis.set_ylabel("gate", fontsize=9)
    axis.set_xlim(-0.5, gates.shape[1] - 0.5)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7, loc="lower right", framealpha=0.8)


def draw_branches(
    panel: Any, parts: Sequence[Part], labels: np.ndarray | None
) -> None:
    """Draw which branch layers choose, by their order in the model."""
    axis = panel.subplots()
    shares = [_shares(part) for part in parts]
    for branch in range(max(share.shape[1] for share in shares)):
        there = [i for i, s in enumerate(shares) if branch < s.shape[1]]
        values = [shares[i][:, branch] for i in there]
        shift = 0.08 * (branch - 0.5)
        colour = COLOURS[branch % len(COLOURS)]
        places = np.array(there) + shift
        axis.errorbar(
            places,
            [v.mean() for v in values],
            [v.std() for v in values],
            color=colour,
            marker=MARKERS[branch % len(MARKERS)],
            capsize=3,
            linewidth=1.4,
            label=_name(parts[there[0]], branch),
        )
        for place, v in zip(places, values, strict=True):
            if labels is not None:
                means = [v[labels == c].mean() for c in np.unique(labels)]
                axis.plot(
                    [place + 0.12] * len(means),
                    means,
                    "_",
                    color=colour,
                    markersize=7,
                )
    axis.set_xticks(
        range(len(parts)),
        [part.name.replace("/", "/\n") for part in parts],
        fontsize=8,
    )
    axis.set_xlim(-0.5, len(parts) - 0.5)
    axis.set_ylabel("weight, mean of channels", fontsize=9)
    what = "path" if parts[0].kind == "branches" else "input of a fusion"
    axis.set_title(
        f"Weight of each {what}, by depth: mean of images ± 1 deviation"
        + ("; dashes: means of classes" if labels is not None else ""),
        fontsize=10,
    )
    axis.grid(axis="y", alpha=0.3)
    axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))


def _shares(part: Part) -> np.ndarray:
    """Return the weight of each branch, `(samples, branches)`."""
    if part.kind == "branches":
        return part.values.mean(-1)
    of_x = part.values.reshape(len(part.values), -1).mean(1)
    return np.stack([of_x, 1 - of_x], 1)


def _name(part: Part, branch: int) -> str:
    if part.kind == "fusion":
        return ("x", "residual")[branch]
    return f"path {branch}, dilation {1 + branch}"
