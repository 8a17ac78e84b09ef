"""Layout of a figure: panels, one below another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class FigureLayout:
    """A figure of panels, one below another. Sizes are in inches."""

    def __init__(self, title: str | None) -> None:
        self._title = title
        self._width = 0.0
        self._panels: list[tuple[float, Callable]] = []

    def add(self, height: float, plot: Callable, width: float = 9.0) -> None:
        """Add a panel.

        Args:
            height: Height of the panel.
            plot: Function `(panel, width, height)` that plots it.
            width: Least width of the panel.
        """
        self._width = max(self._width, width)
        self._panels.append((height, plot))

    def figure(self) -> Figure:
        """Return the figure with all panels plotted."""
        figures = require_matplotlib()
        title_height = 0.4 if self._title else 0
        heights = [height for height, _ in self._panels]
        figure = figures.Figure(
            figsize=(self._width, sum(heights) + title_height),
            dpi=100,
            layout="constrained",
        )
        if self._title:
            figure.suptitle(self._title, fontsize=13)
        panels = figure.subfigures(
            len(heights), squeeze=False, height_ratios=heights
        )[:, 0]
        for panel, (height, plot) in zip(panels, self._panels, strict=True):
            plot(panel, self._width, height)
        return figure


def require_matplotlib() -> Any:
    """Return the module `matplotlib.figure`, which is imported when needed."""
    try:
        from matplotlib import figure
    except ImportError as error:
        raise ImportError(
            "Plots need matplotlib: `pip install matplotlib`."
        ) from error
    return figure
