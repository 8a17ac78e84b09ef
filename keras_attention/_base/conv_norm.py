"""Convolution with batch normalization and ReLU, strided and dilated."""

import math
from typing import Any

import keras

from keras_attention._base.batch_norm import BatchNorm
from keras_attention._base.calls import conv_batch_norm
from keras_attention._base.calls import convolve
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._utils import data_formats
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reshaping


class ConvNormReLU(KernelLayer):
    """Convolution with symmetric zero padding, batch normalization and ReLU.

    A stride and a dilation may both be larger than 1, which Keras does not
    support: see `_split_steps`. The output size is `ceil(size / strides)` for
    every dilation.
    """

    def __init__(
        self,
        filters: int,
        *,
        kernel_size: int,
        strides: int,
        dilation_rate: int,
        groups: int,
        use_bias: bool,
        use_relu: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.groups = groups
        self.use_bias = use_bias
        self.use_relu = use_relu
        zeros = dilation_rate * (kernel_size - 1)
        self.padding = (zeros // 2, zeros - zeros // 2)
        (
            self.input_step,
            self.strides,
            self.dilation_rate,
            self.output_step,
        ) = _split_steps(strides, dilation_rate)
        # Without a stride, "same" pads symmetrically, and saves a copy.
        steps = (self.input_step, self.strides, self.output_step)
        self.pads = steps != (1, 1, 1)

    def build(self, input_shape):
        self.conv = keras.layers.Conv2D(
            self.filters,
            self.kernel_size,
            strides=self.strides,
            dilation_rate=self.dilation_rate,
            groups=self.groups,
            padding="valid" if self.pads else "same",
            use_bias=False,
            data_format=self.data_format,
            **self._kernel("conv"),
        )
        self.norm = BatchNorm(
            data_formats.channel_axis(self.data_format, 4),
            dtype=self._policy_of("norm"),
            name="norm",
        )
        channels = data_formats.channel_count(input_shape, self.data_format)
        for layer, seen in ((self.conv, channels), (self.norm, self.filters)):
            layer.build(
                data_formats.with_channels((None,) * 4, seen, self.data_format)
            )
        # The convolution has no bias of its own: TensorFlow adds it along the
        # width of a channels-first map if the width equals the number of
        # filters.
        if self.use_bias:
            self.bias = self.add_weight((self.filters,), "zeros", name="bias")

    def call(self, x, training=None):
        padding = (self.padding, self.padding) if self.pads else "same"
        if self.input_step > 1:
            widths = [(0, 0)] * 4
            for axis in data_formats.spatial_axes(self.data_format, 4):
                widths[axis] = self.padding
            x = self._subsample(reshaping.pad(x, widths), self.input_step)
            padding = "valid"

        def product(kernel, bias):
            kernel = precision.cast(kernel, x.dtype)
            if bias is not None:
                bias = precision.cast(bias, x.dtype)
            outputs = convolve(self.conv, x, kernel, bias, padding)
            return self._subsample(outputs, self.output_step)

        bias = self.bias if self.use_bias else None
        outputs = conv_batch_norm(
            product, self.conv.kernel, bias, self.norm, training
        )
        return elementwise.relu(outputs) if self.use_relu else outputs

    def _subsample(self, x, step: int):
        """Return every `step`-th row and column."""
        if step == 1:
            return x
        steps = [slice(None)] * 4
        for axis in data_formats.spatial_axes(self.data_format, 4):
            steps[axis] = slice(None, None, step)
        return x[tuple(steps)]


def _split_steps(strides: int, dilation_rate: int) -> tuple[int, int, int, int]:
    """Split a strided, dilated convolution into steps that Keras supports.

    Windows start at multiples of `strides`, and their taps are `dilation_rate`
    apart, so they read only multiples of the greatest common divisor of both.
    The input is subsampled by this divisor first, which makes the convolution
    cheaper. If the remaining stride and dilation are both above 1 (2 and 3, for
    example), every window is computed and the output is subsampled.

    Returns:
        The subsampling step of the input, the stride and the dilation of the
        convolution, and the subsampling step of its output.
    """
    before = math.gcd(strides, dilation_rate)
    strides, dilation_rate = strides // before, dilation_rate // before
    if strides > 1 and dilation_rate > 1:
        return before, 1, dilation_rate, strides
    return before, strides, dilation_rate, 1
