"""The mixin of all layers that return their attention weights."""

import inspect
from typing import Any

import keras

from keras_attention._base.card import Card
from keras_attention._utils import data_formats
from keras_attention.ops import reductions


class Attention:
    """Mixin of the layers with attention: gates, offsets, or other weights.

    A subclass has a card, and writes `build` and `compute_attention(x,
    training)`. If its attention is one gate of a kind that the card names, the
    shape of the gate and its application follow from the kind. Otherwise the
    subclass writes `compute_attention_shape(input_shape)` and
    `apply_attention(x, attention)`. A layer that needs intermediate results for
    both overrides `call`, and returns the result of `_outputs`.

    `attention` stands to `compute_attention` as `__call__` stands to `call`:
    the first converts, casts and builds, the second is the equation.
    """

    card: Card
    # These attributes are those of `MapLayer`, which each subclass inherits
    # too. A user's subclass may have another card, which changes plots only.
    _public_class: Any
    data_format: str
    compute_dtype: str
    _as_float: Any
    _lists: tuple[str, ...]
    # The gate, or other weights: the equation of the subclass.
    compute_attention: Any

    def attention(self, *inputs, **kwargs):
        """Return the attention weights for `inputs`.

        Accepts what calling the layer accepts, NumPy arrays and symbolic
        tensors too, and converts and casts it in the same way.
        """
        found = self(  # type: ignore[operator]
            *inputs, return_attention=True, **kwargs
        )
        return found[1]

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        attention = self.compute_attention(x, training=training)
        outputs = self.apply_attention(x, attention)
        return self._outputs(outputs, attention, return_attention)

    def apply_attention(self, x, attention):
        """Return `x` under its attention weights."""
        if self._public_class.card.attention == "channel":
            axes = data_formats.spatial_axes(self.data_format, len(x.shape))
            return reductions.scale(x, attention, axes)
        return x * attention

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def compute_attention_shape(self, input_shape):
        """Return the shape of the attention, without computing it."""
        if self._public_class.card.attention == "channel":
            return data_formats.pooled(input_shape, self.data_format)
        if self._public_class.card.attention == "spatial":
            return data_formats.with_channels(input_shape, 1, self.data_format)
        return tuple(input_shape)

    def compute_output_spec(self, *args, return_attention=False, **kwargs):
        # The shapes follow from rules, because tracing is not reliable for
        # unknown sizes.
        outputs = super().compute_output_spec(  # type: ignore[misc]
            *args, **kwargs
        )
        if not return_attention:
            return outputs
        arguments = inspect.signature(self.call).bind(*args, **kwargs).arguments
        attention_shape = self.compute_attention_shape(
            *(
                keras.tree.map_structure(lambda tensor: tensor.shape, x)
                for name, x in arguments.items()
                if hasattr(x, "shape") or name in self._lists
            )
        )
        attention = keras.tree.map_shape_structure(
            lambda shape: keras.KerasTensor(shape, self.compute_dtype),
            attention_shape,
        )
        return outputs, attention

    @staticmethod
    def _outputs(outputs, attention, return_attention):
        return (outputs, attention) if return_attention else outputs
