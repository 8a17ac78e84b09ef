"""Spatial attention (CBAM, second half; Woo et al., 2018)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.batch_norm import BatchNorm
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import elementwise
from keras_attention.ops import precision


@keras.saving.register_keras_serializable(package="keras_attention")
class SpatialAttention(Attention, KernelLayer):
    r"""Spatial attention of CBAM, from average and max pooling over channels.

    .. math::

        d_p = \Bigl[\max_c x_{p,c};\ \frac{1}{C} \sum_c x_{p,c}\Bigr], \qquad
        M_p = \sigma\bigl((w * d)_p + b\bigr), \qquad
        y_{p,c} = M_p\, x_{p,c}

    where :math:`w * d` is a convolution of two channels to one that keeps the
    size of the map (zero padding) and :math:`\sigma` is the logistic sigmoid.
    With `use_norm=True` a batch normalization of one channel replaces the bias
    :math:`b`, as in the authors' code.

    The layer is the second half of `keras_attention.CBAM` and can be used on
    its own.

    Args:
        kernel_size: Side of the square window of :math:`w`.
        use_norm: Whether the convolution is followed by batch normalization
            instead of a bias. Its scale is initialized to zero, as in the
            authors' networks, so that the gate starts at 0.5 everywhere.
        kernel_initializer: Initializer of :math:`w`.
        kernel_regularizer: Regularizer of :math:`w`.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor of rank 4. The number of channels must be known.
        training: Whether batch normalization, if there is any, uses the
            statistics of the batch and updates its moving statistics.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, height, width, channels)` if `data_format="channels_last"`,
        `(batch, channels, height, width)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is the gate :math:`M`, of the input shape
        with one channel.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.SpatialAttention(kernel_size=7)
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 8, 8, 1)

    Reference:
        `CBAM: Convolutional Block Attention Module
        <https://arxiv.org/abs/1807.06521>`_, equation 3.

    Note:
        The maximum comes before the mean in :math:`d`, as in the authors' code
        and the TensorFlow reference; some other implementations swap them,
        which only permutes the weights of :math:`w`.
    """

    card = Card(
        operation=(
            "scales positions, by a convolution of mean and maximum (CBAM, "
            "second half)"
        ),
        insertion=(
            "at the end of a residual branch; this layer is the second half"
            " of `CBAM`"
        ),
        limits=(
            "All channels share one map of weights. If channels describe "
            "different objects, use `SpatialGroupEnhance`."
        ),
        papers=("1807.06521",),
        attention="spatial",
        short_names=("sam",),
        call="SpatialAttention()",
        parameters="2 * k**2 + 1",
        multiply_adds="2 * k**2 * H * W + H * W * C",
        symbols={"k": "7"},
        layouts=("official", "timm", "tensorflow"),
    )

    def __init__(
        self,
        kernel_size: int = 7,
        *,
        use_norm: bool = False,
        kernel_initializer: Initializer = "glorot_uniform",
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
        self.use_norm = validation.boolean("use_norm", use_norm)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        self._channels(input_shape)
        self.conv = keras.layers.Conv2D(
            1,
            self.kernel_size,
            padding="same",
            use_bias=not self.use_norm,
            data_format=self.data_format,
            **self._kernel("conv"),
        )
        self.conv.build(
            data_formats.with_channels(input_shape, 2, self.data_format)
        )
        if self.use_norm:
            self.norm = BatchNorm(
                data_formats.channel_axis(self.data_format, 4),
                momentum=0.99,
                gamma_initializer="zeros",
                dtype=self._policy_of("norm"),
                name="norm",
            )
            self.norm.build(self.compute_attention_shape(input_shape))

    def compute_attention(self, x, training=None):
        axis = data_formats.channel_axis(self.data_format, 4)
        scores = calls.convolve_pooled(self.conv, x, axis)
        scores = ops.expand_dims(scores, axis)
        if self.use_norm:
            scores = self.norm.call(scores, training=training)
        else:
            scores = scores + precision.cast(self.conv.bias, scores.dtype)
        return precision.cast(elementwise.sigmoid(scores), x.dtype)
