"""Plot of `compare.py`: accuracy against two measures of cost."""

import statistics
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import _verdict
from matplotlib.axes import Axes
from matplotlib.figure import Figure

MARKERS = "osD^vP*X<>"
MOST_MARKERS = 15  # that a reader can tell apart; more networks have rows


def plot(
    path: Path, title: str, rows: Mapping[str, Sequence[Mapping[str, float]]]
) -> None:
    """Save a plot of the accuracy of each network against its cost.

    Args:
        path: The PNG file to write.
        title: The title of the plot.
        rows: The runs of each network, as in the table.
    """
    if len(rows) > MOST_MARKERS:
        _plot_in_rows(path, title, rows)
        return
    figure = Figure(figsize=(11, 4.8), dpi=110, layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2, sharey=True)
    _plot_against(left, "multiply-adds", rows, 1e-6)
    left.set_xlabel("multiply-adds for one image, in millions")
    _plot_against(right, "ms/step", rows, 1)
    right.set_xlabel("time of a training step in ms")
    seeds = len(next(iter(rows.values())))
    bars = f" (bars: ± standard deviation, {seeds} seeds)" if seeds > 1 else ""
    left.set_ylabel(f"test accuracy in %{bars}")
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center")
    figure.savefig(path)


def _plot_in_rows(
    path: Path, title: str, rows: Mapping[str, Sequence[Mapping[str, float]]]
) -> None:
    """Save a plot with a row for each network, the best above."""
    figure = Figure(
        figsize=(10, 1.5 + 0.18 * len(rows)), dpi=100, layout="constrained"
    )
    figure.suptitle(title)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    accuracies = {
        name: [run["accuracy in %"] for run in runs]
        for name, runs in rows.items()
    }
    names = sorted(rows, key=lambda name: statistics.mean(accuracies[name]))
    for y, name in enumerate(names):
        values = accuracies[name]
        mean = statistics.mean(values)
        deviation = statistics.stdev(values) if len(values) > 1 else None
        color = "black" if name == _verdict.NONE else "C0"
        left.errorbar(mean, y, xerr=deviation, fmt="o", color=color, capsize=2)
        right.barh(y, rows[name][0]["ms/step"], color=color)
        if name == _verdict.NONE:
            left.axvline(mean, color="black", linestyle=":", linewidth=1)
    left.set_yticks(range(len(names)), names)
    left.set_ylim(-1, len(names))
    seeds = len(next(iter(accuracies.values())))
    bars = f" (bars: ± standard deviation, {seeds} seeds)" if seeds > 1 else ""
    left.set_xlabel(f"test accuracy in %{bars}")
    right.set_xlabel("time of a training step in ms")
    for axis in (left, right):
        axis.grid(visible=True, axis="x", alpha=0.3)
    figure.savefig(path)


def _plot_against(
    axis: Axes,
    column: str,
    rows: Mapping[str, Sequence[Mapping[str, float]]],
    unit: float,
) -> None:
    colors = [f"C{i}" for i in range(10)]
    for i, (name, runs) in enumerate(rows.items()):
        if runs[0][column] is None:
            continue
        accuracies = [run["accuracy in %"] for run in runs]
        mean = statistics.mean(accuracies)
        deviation = statistics.stdev(accuracies) if len(runs) > 1 else None
        if name == _verdict.NONE:
            axis.axhline(mean, color="black", linestyle=":", linewidth=1)
        axis.errorbar(
            unit * runs[0][column],
            mean,
            yerr=deviation,
            fmt=MARKERS[i % len(MARKERS)],
            color="black" if name == _verdict.NONE else colors[i % len(colors)],
            capsize=3,
            label=name,
        )
    axis.grid(alpha=0.3)
