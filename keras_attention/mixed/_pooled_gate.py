"""The gate of a map that is pooled along one of its axes."""

from typing import Any

import keras
from keras import ops

from keras_attention._base import calls
from keras_attention._base.batch_norm import BatchNorm
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention.ops import elementwise
from keras_attention.ops import precision


class PooledGate(KernelLayer):
    """Gate from maximum and mean: convolution, normalization, sigmoid."""

    def __init__(self, kernel_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernel_size = kernel_size

    def build(self, input_shape):
        self.conv = keras.layers.Conv2D(
            1,
            self.kernel_size,
            padding="same",
            use_bias=False,
            data_format="channels_last",
            **self._kernel("conv"),
        )
        self.norm = BatchNorm(
            momentum=0.99, dtype=self._policy_of("norm"), name="norm"
        )
        self.conv.build((None, None, None, 2))
        self.norm.build((None, None, None, 1))

    def call(self, x, axis, training=None, swap=False):
        """Return the gate of a map of rank 4, of size 1 along `axis`.

        Args:
            x: The map.
            axis: The axis to pool.
            training: Whether normalization uses the statistics of the batch.
            swap: Whether the two axes that are left come in the other order
                than those of the kernel.
        """
        scores = calls.convolve_pooled(self.conv, x, axis, swap=swap)
        scores = scores[..., None]
        gate = elementwise.sigmoid(
            self.norm.call(scores, training=training)[..., 0]
        )
        return ops.expand_dims(precision.cast(gate, x.dtype), axis)
