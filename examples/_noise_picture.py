"""Plot of `noisy_labels.py`: the error against the share of wrong labels."""

import statistics
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

MARKERS = {"trunk": "o", "naive": "s", "residual": "D"}
NAMES = {
    "trunk": "trunk alone",
    "naive": "multiplied by M (naive)",
    "residual": "multiplied by 1 + M (residual)",
}


def plot(
    path: Path,
    errors: Mapping[str, Sequence[Sequence[float]]],
    shares: Sequence[float],
) -> None:
    """Save a plot of the errors.

    Args:
        path: The PNG file to write.
        errors: For each network, the errors in percent of each share, one for
            each seed.
        shares: The shares of wrong labels, in percent.
    """
    figure = Figure(figsize=(10, 4), dpi=100, layout="constrained")
    axis = figure.subplots()
    for number, (name, runs) in enumerate(errors.items()):
        deviations = [statistics.stdev(x) if len(x) > 1 else 0 for x in runs]
        axis.errorbar(
            # Side by side, so that bars do not hide each other.
            [share + number - 1 for share in shares],
            [statistics.mean(x) for x in runs],
            yerr=deviations if any(deviations) else None,
            fmt=f"-{MARKERS[name]}",
            capsize=3,
            label=NAMES[name],
        )
    axis.set_title("Residual attention modules, and wrong labels")
    axis.set_xlabel("training labels that are wrong, in %")
    axis.set_ylabel("test error in %")
    axis.set_xticks(shares)
    axis.grid(visible=True, alpha=0.3)
    axis.legend()
    figure.savefig(path)
