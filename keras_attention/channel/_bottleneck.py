"""The two-layer perceptron that makes a gate from one vector a sample."""

from typing import Any

import keras
from keras import ops

from keras_attention import _arguments
from keras_attention import _axes
from keras_attention._layer import AttentionLayer


class BottleneckGate(AttentionLayer):
    """Base of the channel gates made by `excite(squeeze(pooled channels))`.

    It owns the two dense layers and the arguments that shape them. A subclass
    pools the map, calls them, and bounds the result.
    """

    def __init__(
        self,
        reduction: int,
        *,
        hidden_units: int | None,
        use_bias: bool,
        kernel_initializer: Any,
        kernel_regularizer: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.reduction = _arguments.positive_integer("reduction", reduction)
        self.hidden_units = _arguments.optional_positive_integer(
            "hidden_units", hidden_units
        )
        self.use_bias = _arguments.boolean("use_bias", use_bias)
        self.kernel_initializer = _arguments.initializer(
            "kernel_initializer", kernel_initializer
        )
        self.kernel_regularizer = _arguments.regularizer(
            "kernel_regularizer", kernel_regularizer
        )
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = self.hidden_units or max(1, channels // self.reduction)
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
        return {
            **super().get_config(),
            "reduction": self.reduction,
            "hidden_units": self.hidden_units,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
            "kernel_regularizer": keras.regularizers.serialize(
                self.kernel_regularizer
            ),
        }

    def _dense(self, units: int, name: str) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            kernel_regularizer=self.kernel_regularizer,
            dtype=self._policy_of(name),
            name=name,
        )
