"""Paths of layers in a model."""

from __future__ import annotations

from typing import Any


class LayerPath(str):
    """A path of names to a layer, with a reference to the layer.

    Dictionaries with these keys are plain dictionaries, which can be filtered
    and merged, and `plot_attention` still knows the layer of each entry.

    Attributes:
        layer: The layer.
        measure: What the values of the entry are: `"attention"` or
            `"gradient"`.
        size: Height and width of the map that the layer was called on, or
            `None` if they are not known.
    """

    layer: Any
    measure: str
    size: tuple[int, ...] | None

    def __new__(
        cls,
        path: str,
        layer: Any = None,
        measure: str = "attention",
        size: tuple[int, ...] | None = None,
    ):
        """Return the path with its layer, measure and size."""
        self = super().__new__(cls, path)
        self.layer = layer
        self.measure = measure
        self.size = size
        return self
