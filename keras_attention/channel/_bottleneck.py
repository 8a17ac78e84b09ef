"""The two-layer perceptron that makes a gate from one vector a sample."""

from typing import Any

import keras
from keras import ops

from keras_attention import _arguments
from keras_attention import _axes
from keras_attention._layer import BottleneckLayer


class BottleneckGate(BottleneckLayer):
    """Base of the channel gates made by `excite(squeeze(pooled channels))`.

    It owns the two dense layers. A subclass pools the map, calls them, and
    bounds the result.
    """

    def __init__(self, reduction: int, *, use_bias: bool, **kwargs: Any):
        super().__init__(reduction, **kwargs)
        self.use_bias = _arguments.boolean("use_bias", use_bias)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = self._units(channels)
        self.squeeze = self._dense(hidden, "squeeze")
        self.excite = self._dense(channels, "excite")
        self.squeeze.build((None, channels))
        self.excite.build((None, hidden))

    def pooled_axes(self, x) -> tuple[int, ...]:
        """Return the axes that pooling removes from a map."""
        return _axes.spatial_axes(self.data_format, len(x.shape))

    def spread(self, gate, x):
        """Return one vector a sample in the shape and dtype to multiply `x`."""
        # Cast, as a dense layer on PyTorch turns float64 into float32.
        return ops.expand_dims(ops.cast(gate, x.dtype), self.pooled_axes(x))

    def compute_attention_shape(self, input_shape):
        return _axes.pooled(input_shape, self.data_format)

    def get_config(self):
        return {**super().get_config(), "use_bias": self.use_bias}

    def _dense(self, units: int, name: str) -> keras.layers.Dense:
        return keras.layers.Dense(
            units, use_bias=self.use_bias, **self._kernel(name)
        )
