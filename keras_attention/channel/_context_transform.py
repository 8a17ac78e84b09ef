"""The two dense layers of a global context block."""

from typing import Any

import keras

from keras_attention._base import calls
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention.ops import elementwise
from keras_attention.ops import normalization
from keras_attention.ops import precision


class ContextTransform(KernelLayer):
    """Dense, layer normalization, ReLU, dense, on one vector per sample.

    The last kernel starts at zero, and with it the outputs.
    """

    def __init__(
        self, hidden_units: int, *, epsilon: float = 1e-5, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = hidden_units
        self.epsilon = epsilon

    def build(self, input_shape):
        channels = input_shape[-1]
        self.reduce = self._dense("reduce", self.hidden_units, channels)
        hidden = self.hidden_units
        self.gamma = self._precise_vector("gamma", hidden, "ones")
        self.beta = self._precise_vector("beta", hidden, "zeros")
        zeros = {"kernel_initializer": "zeros"}
        self.expand = keras.layers.Dense(
            channels, **(self._kernel("expand") | zeros)
        )
        self.expand.build((None, self.hidden_units))

    def call(self, context):
        hidden = calls.dense(self.reduce, context)
        gamma, beta = precision.cast_all((self.gamma, self.beta), hidden.dtype)
        hidden = gamma * normalization.layer_norm(hidden, self.epsilon) + beta
        return calls.dense(self.expand, elementwise.relu(hidden))
