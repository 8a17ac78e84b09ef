"""Pre-activated convolutions, plain and residual (He et al., 2016)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_attention import _axes
from keras_attention._layer import KernelLayer
from keras_attention._norm import BatchNorm


class PreactivatedConvs(KernelLayer):
    """Convolutions, each of the normalised and rectified map before it.

    `sizes` holds `(filters, kernel_size, groups)` of each. None has a bias.
    """

    def __init__(
        self, sizes: Sequence[tuple[int, int, int]], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.sizes = sizes

    def build(self, input_shape):
        self.norms = []
        self.convs = []
        for number, (filters, kernel_size, groups) in enumerate(self.sizes, 1):
            norm = BatchNorm(
                _axes.channel_axis(self.data_format, 4),
                dtype=self._policy_of(f"norm_{number}"),
                name=f"norm_{number}",
            )
            conv = keras.layers.Conv2D(
                filters,
                kernel_size,
                padding="same",
                groups=groups,
                use_bias=False,
                data_format=self.data_format,
                **self._kernel(f"conv_{number}"),
            )
            norm.build(input_shape)
            conv.build(input_shape)
            input_shape = _axes.with_channels(
                input_shape, filters, self.data_format
            )
            self.norms.append(norm)
            self.convs.append(conv)

    def call(self, x, training=None):
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = conv(ops.relu(norm(x, training=training)))
        return x


class ResidualUnit(PreactivatedConvs):
    """The input plus pre-activated convolutions of it."""

    def call(self, x, training=None):
        return x + super().call(x, training=training)
