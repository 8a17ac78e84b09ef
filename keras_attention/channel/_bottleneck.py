"""Bottleneck of two dense layers that computes a channel gate."""

from typing import Any

import keras

from keras_attention._base import calls
from keras_attention._base.layer import BottleneckLayer
from keras_attention._base.layer import ChannelGateLayer
from keras_attention._utils import validation
from keras_attention.ops import precision


class BottleneckGate(ChannelGateLayer, BottleneckLayer):
    """Base class of channel gates with layers `squeeze` and `excite`.

    This class makes the two dense layers. A subclass pools the map, calls
    the layers by `mlp`, and applies a gate activation to the result.
    """

    def __init__(self, reduction: int, *, use_bias: bool, **kwargs: Any):
        super().__init__(reduction, **kwargs)
        self.use_bias = validation.boolean("use_bias", use_bias)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = self._units(channels)
        self.squeeze = self._dense(hidden, "squeeze")
        self.excite = self._dense(channels, "excite")
        self.squeeze.build((None, channels))
        self.excite.build((None, hidden))

    def mlp(self, z, activation):
        """Apply the two dense layers to vectors with one value per channel."""
        z = precision.upcast_float16(z)
        hidden = activation(calls.dense(self.squeeze, z))
        return calls.dense(self.excite, hidden)

    def get_config(self):
        return {**super().get_config(), "use_bias": self.use_bias}

    def _dense(self, units: int, name: str) -> keras.layers.Dense:
        return keras.layers.Dense(
            units, use_bias=self.use_bias, **self._kernel(name)
        )
