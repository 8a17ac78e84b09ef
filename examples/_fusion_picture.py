"""Plot of `fusion.py`: error and training time of each variant."""

import statistics
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def plot(path: Path, rows: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Save a plot of the results of all variants.

    Args:
        path: The PNG file to write.
        rows: The runs of each variant, as `_training.compare` returns them.
    """
    figure = Figure(
        figsize=(12, 2.8 + 0.3 * len(rows)), dpi=100, layout="constrained"
    )
    figure.suptitle(
        "A small residual network on distorted digits, by what is in its blocks"
    )
    axes = figure.subplots(1, 3, sharey=True, width_ratios=[2, 1, 1])
    _plot_runs(axes[0], rows, "error in %")
    _plot_means(axes[1], rows, "parameters")
    _plot_means(axes[2], rows, "s/epoch")
    axes[0].set_yticks(range(len(rows)), rows)
    axes[0].invert_yaxis()
    figure.savefig(path)


def _plot_runs(
    axis: Axes, rows: Mapping[str, Sequence[Mapping[str, float]]], column: str
) -> None:
    """Plot a dot per run, and a bar at the mean of each variant."""
    for index, runs in enumerate(rows.values()):
        values = [run[column] for run in runs]
        axis.plot(values, [index] * len(values), "o", color="tab:blue")
        axis.plot(
            statistics.mean(values), index, "|", color="black", markersize=16
        )
    axis.set_xlabel(f"{column}: a dot a seed, a bar at the mean")
    axis.grid(axis="x", alpha=0.4)


def _plot_means(
    axis: Axes, rows: Mapping[str, Sequence[Mapping[str, float]]], column: str
) -> None:
    """Plot the mean of each variant."""
    means = [
        statistics.mean(run[column] for run in runs) for runs in rows.values()
    ]
    axis.barh(range(len(means)), means, color="lightsteelblue")
    axis.set_xlabel(column)
    axis.locator_params("x", nbins=4)
