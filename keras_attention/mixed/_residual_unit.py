"""Residual units of convolutions with batch normalization (He et al., 2016)."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_attention._base import calls
from keras_attention._base.batch_norm import BatchNorm
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.layer import name_each
from keras_attention._utils import data_formats
from keras_attention.ops import elementwise


class ConvNormSequence(KernelLayer):
    """A sequence of convolutions, each with batch normalization and ReLU.

    `sizes` holds `(filters, kernel_size, groups)` of each convolution. There
    are no biases. With `preactivation`, batch normalization and ReLU come
    before each convolution, otherwise after it.
    """

    # Whether the last convolution is followed by normalization, without ReLU.
    ends_in_norm = False

    def __init__(
        self,
        sizes: Sequence[tuple[int, int, int]],
        *,
        preactivation: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sizes = sizes
        self.preactivation = preactivation

    def build(self, input_shape):
        self.norms = []
        self.convs = []
        for number, (filters, kernel_size, groups) in enumerate(self.sizes, 1):
            conv = keras.layers.Conv2D(
                filters,
                kernel_size,
                padding="same",
                groups=groups,
                use_bias=False,
                data_format=self.data_format,
                **self._kernel(f"conv_{number}"),
            )
            norm = BatchNorm(
                data_formats.channel_axis(self.data_format, 4),
                dtype=self._policy_of(f"norm_{number}"),
                name=f"norm_{number}",
            )
            conv.build(input_shape)
            output_shape = data_formats.with_channels(
                input_shape, filters, self.data_format
            )
            self.convs.append(conv)
            if self.preactivation:
                norm.build(input_shape)
                self.norms.append(norm)
            elif number < len(self.sizes) or self.ends_in_norm:
                norm.build(output_shape)
                self.norms.append(norm)
            input_shape = output_shape
        name_each(self, "norms", "convs")

    def call(self, x, training=None):
        norms = iter(self.norms)
        if self.preactivation:
            x = elementwise.relu(next(norms).call(x, training=training))
        for number, conv in enumerate(self.convs):
            x = self._convolve(
                conv,
                next(norms, None),
                elementwise.relu(x) if number else x,
                training,
            )
        return x

    @staticmethod
    def _convolve(conv, norm, x, training):
        """Return `norm(conv(x))`, or `conv(x)` if `norm` is `None`."""
        if norm is None:
            return calls.conv2d(conv, x)
        return calls.conv2d_batch_norm(conv, norm, x, training)


class ResidualUnit(ConvNormSequence):
    """Residual unit, with a ReLU after the addition unless preactivated."""

    ends_in_norm = True

    def call(self, x, training=None):
        outputs = x + super().call(x, training=training)
        return outputs if self.preactivation else elementwise.relu(outputs)
