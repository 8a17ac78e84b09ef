"""Large kernel attention, LKA (Guo et al., 2022)."""

from typing import Unpack

import keras

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import precision
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class LargeKernelAttention(Attention, KernelLayer):
    r"""Large kernel attention (LKA): a large kernel as three small ones.

    .. math::

        a = W\,\bigl(w_2 *_d (w_1 * x + b_1) + b_2\bigr) + b, \qquad
        y_{p,c} = a_{p,c}\, x_{p,c}

    where :math:`w_1 *` is a depthwise convolution, :math:`w_2 *_d` is a
    depthwise convolution with dilation :math:`d`, and :math:`W \in
    \mathbb{R}^{C \times C}` is a point-wise convolution. The map is padded with
    zeros, so that :math:`a` has its size. There is no activation: :math:`a` may
    be any number, and negative.

    With the defaults an output depends on a window of 23 x 23 positions, with
    74 weights per channel where a depthwise convolution of that window would
    have 529. In the authors' network, VAN, the layer is between two point-wise
    convolutions, and a GELU follows the first.

    Args:
        kernel_size: Side of the square window of :math:`w_1`.
        dilated_kernel_size: Side of the square window of :math:`w_2`, before
            dilation.
        dilation_rate: Dilation :math:`d` of :math:`w_2`.
        use_bias: Whether the convolutions have the biases :math:`b_1`,
            :math:`b_2` and :math:`b`.
        kernel_initializer: Initializer of all kernels. The default is
            PyTorch's, uniform within :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of all kernels.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor of rank 4. The number of channels must be known.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, height, width, channels)` if `data_format="channels_last"`,
        `(batch, channels, height, width)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is :math:`a`, of the same shape.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.LargeKernelAttention()
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 8, 8, 64)
    >>> layer.count_params()
    9024

    Reference:
        `Visual Attention Network <https://arxiv.org/abs/2202.09741>`_,
        equations 1 and 2.

    Note:
        In float16, numbers beyond its range become its largest finite numbers,
        as :math:`a` is not bounded. Biases are initialized to zero; PyTorch
        initializes them like the kernels.
    """

    card = Card(
        operation="multiplies each value by a convolution with a large kernel",
        insertion="between two point-wise convolutions of a residual branch",
        limits=(
            "The product is not limited to a range, unlike a gate: normalize "
            "the map before it. It is made for new networks."
        ),
        papers=("2202.09741",),
        attention="mixed",
        short_names=("lka",),
        call="LargeKernelAttention()",
        parameters="C**2 + 77 * C",
        multiply_adds="H * W * (C**2 + 75 * C)",
        layouts=("official", "mmpretrain"),
    )

    def __init__(
        self,
        kernel_size: int = 5,
        *,
        dilated_kernel_size: int = 7,
        dilation_rate: int = 3,
        use_bias: bool = True,
        kernel_initializer: Initializer = validation.PYTORCH_UNIFORM,
        kernel_regularizer: Regularizer = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            data_format=data_format,
            **kwargs,
        )
        self.kernel_size = validation.positive_integer(
            "kernel_size", kernel_size
        )
        self.dilated_kernel_size = validation.positive_integer(
            "dilated_kernel_size", dilated_kernel_size
        )
        self.dilation_rate = validation.positive_integer(
            "dilation_rate", dilation_rate
        )
        self.use_bias = validation.boolean("use_bias", use_bias)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        settings = {
            "padding": "same",
            "use_bias": self.use_bias,
            "data_format": self.data_format,
        }
        self.local = self._depthwise_conv(
            "local", self.kernel_size, channels, **settings
        )
        self.dilated = self._depthwise_conv(
            "dilated",
            self.dilated_kernel_size,
            channels,
            dilation_rate=self.dilation_rate,
            **settings,
        )
        self.pointwise = self._dense(
            "pointwise", channels, channels, use_bias=self.use_bias
        )

    def compute_attention(self, x, training=None):
        a = calls.conv2d(self.local, precision.upcast_float16(x))
        a = calls.conv2d(self.dilated, a)
        a = calls.pointwise(
            self.pointwise,
            reshaping.merge_spatial_axes(a, self.data_format),
            data_formats.any_rank_axis(self.data_format),
        )
        a = reshaping.reshape(a, reshaping.shape(x))
        return precision.cast_in_range(a, x.dtype)

    def apply_attention(self, x, attention):
        outputs = precision.upcast_float16(x) * precision.upcast_float16(
            attention
        )
        return precision.cast_in_range(outputs, x.dtype)
