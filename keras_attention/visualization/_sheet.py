"""A figure of panels, one below another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Sheet:
    """Panels, one below another."""

    def __init__(self, title: str | None) -> None:
        self._title = title
        self._width = 0.0
        self._panels: list[tuple[float, Callable]] = []

    def add(self, height: float, draw: Callable, width: float = 9.0) -> None:
        """Add a panel of at least a width, in inches, and what draws on it."""
        self._width = max(self._width, width)
        self._panels.append((height, draw))

    def figure(self) -> Figure:
        """Return all of it, drawn."""
        figures = require_matplotlib()
        head = 0.4 if self._title else 0
        heights = [height for height, _ in self._panels]
        figure = figures.Figure(
            figsize=(self._width, sum(heights) + head),
            dpi=100,
            layout="constrained",
        )
        if self._title:
            figure.suptitle(self._title, fontsize=13)
        panels = figure.subfigures(
            len(heights), squeeze=False, height_ratios=heights
        )[:, 0]
        for panel, (height, draw) in zip(panels, self._panels, strict=True):
            draw(panel, self._width, height)
        return figure


def require_matplotlib() -> Any:
    """Return the module of figures, which is imported only now."""
    try:
        from matplotlib import figure
    except ImportError as error:
        raise ImportError(
            "Pictures need matplotlib: "
            'pip install "keras-vision-attention[visualization]"'
        ) from error
    return figure
