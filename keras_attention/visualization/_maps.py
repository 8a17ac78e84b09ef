"""What was found about the layers of a model."""

from __future__ import annotations

from typing import Any

import keras


class LayerMaps(dict):
    """A dictionary of arrays by path, that knows whose they are.

    Attributes:
        layers: The layer of each path.
        measure: What the arrays are: `"attention"` or `"gradient"`.
    """

    def __init__(
        self,
        maps: dict[str, Any],
        layers: dict[str, keras.layers.Layer],
        measure: str,
    ) -> None:
        super().__init__(maps)
        self.layers = layers
        self.measure = measure
