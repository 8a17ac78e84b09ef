"""Pre-activated convolutions, plain and residual (He et al., 2016)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_attention import _axes


class PreactivatedConvs(keras.layers.Layer):
    """Convolutions, each of the normalised and rectified map before it.

    `convs` holds `(filters, kernel_size, groups)` of each. None has a bias.
    """

    def __init__(
        self,
        convs: Sequence[tuple[int, int, int]],
        *,
        kernel_initializer: keras.initializers.Initializer,
        kernel_regularizer: keras.regularizers.Regularizer | None,
        data_format: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format
        axis = _axes.channel_axis(data_format, 4)
        self.norms = [
            keras.layers.BatchNormalization(
                axis,
                momentum=0.9,
                epsilon=1e-5,
                dtype=self.dtype_policy,
                name=f"norm_{number}",
            )
            for number, _ in enumerate(convs, 1)
        ]
        self.convs = [
            keras.layers.Conv2D(
                filters,
                kernel_size,
                padding="same",
                groups=groups,
                use_bias=False,
                kernel_initializer=kernel_initializer.clone(),
                kernel_regularizer=kernel_regularizer,
                data_format=data_format,
                dtype=self.dtype_policy,
                name=f"conv_{number}",
            )
            for number, (filters, kernel_size, groups) in enumerate(convs, 1)
        ]

    def build(self, input_shape):
        for norm, conv in zip(self.norms, self.convs, strict=True):
            norm.build(input_shape)
            conv.build(input_shape)
            input_shape = _axes.with_channels(
                input_shape, conv.filters, self.data_format
            )

    def call(self, x, training=None):
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = conv(ops.relu(norm(x, training=training)))
        return x


class ResidualUnit(PreactivatedConvs):
    """The input plus pre-activated convolutions of it."""

    def call(self, x, training=None):
        return x + super().call(x, training=training)
