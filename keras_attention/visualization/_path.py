"""Where something was found in a model."""

from __future__ import annotations

from typing import Any


class LayerPath(str):
    """A path of names to a layer, which knows the layer.

    So dictionaries by path stay plain ones, and may be filtered, joined or
    mapped, and what is in them can still be drawn as what it is.

    Attributes:
        layer: The layer.
        measure: What was found of it: `"attention"` or `"gradient"`.
    """

    layer: Any
    measure: str

    def __new__(cls, path: str, layer: Any = None, measure: str = "attention"):
        """Return the path, with what it knows."""
        self = super().__new__(cls, path)
        self.layer = layer
        self.measure = measure
        return self
