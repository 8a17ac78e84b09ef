"""Plot of `upgrade_pretrained.py`: learning curves on new digits."""

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

COLORS = ("black", "tab:blue", "tab:orange")


def plot(
    path: Path, curves: Mapping[str, Sequence[Sequence[float]]], count: int
) -> None:
    """Save a plot of the error of each network after each epoch.

    Args:
        path: The PNG file to write.
        curves: The errors in percent, of each network, for each seed.
        count: Number of digits that the networks are trained on.
    """
    figure = Figure(figsize=(10, 5), dpi=110, layout="constrained")
    figure.suptitle(
        f"A network trained on 0 to 4 learns 5 to 9 from {count} digits, "
        "with and without attention"
    )
    axis = figure.subplots()
    for (name, runs), color in zip(curves.items(), COLORS, strict=True):
        errors = np.array(runs)
        epochs = np.arange(1, errors.shape[1] + 1)
        axis.plot(epochs, errors.T, color=color, linewidth=0.7, alpha=0.4)
        axis.plot(
            epochs,
            errors.mean(axis=0),
            color=color,
            linewidth=2.2,
            marker="o",
            markersize=3,
            label=f"{name}: {errors[:, -1].mean():.2f} % in the end",
        )
    axis.set_xlabel("epochs of fine-tuning")
    axis.set_ylabel("error on new test digits in % (thin: a seed, thick: mean)")
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("{x:g}")
    axis.grid(which="both", alpha=0.3)
    axis.legend()
    figure.savefig(path)
