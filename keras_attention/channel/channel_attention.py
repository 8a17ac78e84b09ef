"""Channel attention (CBAM, first half; Woo et al., 2018)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.channel._bottleneck import mlp
from keras_attention.ops import elementwise
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class ChannelAttention(Attention, KernelLayer):
    r"""Channel attention of CBAM, from average and max pooling.

    .. math::

        m(z) = W_2\, \mathrm{relu}(W_1 z + b_1) + b_2, \qquad
        M_c = \sigma\Bigl(m\bigl(\tfrac{1}{|S|} \textstyle\sum_{p \in S} x_p
        \bigr) + m\bigl(\max_{p \in S} x_p\bigr)\Bigr), \qquad
        y_{p,c} = M_c\, x_{p,c}

    where :math:`S` is the set of spatial positions, :math:`\sigma` the logistic
    sigmoid, :math:`W_1 \in \mathbb{R}^{h \times C}` and
    :math:`W_2 \in \mathbb{R}^{C \times h}`. The same multilayer perceptron
    :math:`m` is applied to the mean and to the maximum. The two results are
    added before the sigmoid.

    The layer is the first half of `keras_attention.CBAM` and can be used on its
    own. The input can have any number of spatial axes.

    Args:
        reduction: Integer :math:`r \ge 1`: there are
            `max(1, channels // reduction)` hidden units.
        hidden_units: Number :math:`h` of hidden units; overrides `reduction`.
        use_bias: Whether :math:`b_1` and :math:`b_2` exist, as they do in the
            authors' code; timm leaves them out.
        kernel_initializer: Initializer of :math:`W_1` and :math:`W_2`.
        kernel_regularizer: Regularizer of :math:`W_1` and :math:`W_2`.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor with one batch axis, one channel axis and at least one
            spatial axis. The number of channels must be known.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, *spatial, channels)` if `data_format="channels_last"`,
        `(batch, channels, *spatial)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is the gate :math:`M_c`, of the input shape
        with every spatial size 1.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.ChannelAttention(reduction=16)
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 1, 1, 64)

    Reference:
        `CBAM: Convolutional Block Attention Module
        <https://arxiv.org/abs/1807.06521>`_, equation 2.
    """

    card = Card(
        operation=(
            "scales channels, from their means and maxima (CBAM, first half)"
        ),
        insertion=(
            "at the end of a residual branch; this layer is the first half "
            "of `CBAM`"
        ),
        limits=(
            "The maximum is one more reduction of the map: `SqueezeExcite` is "
            "faster."
        ),
        papers=("1807.06521",),
        attention="channel",
        short_names=("cam",),
        call="ChannelAttention()",
        parameters="2 * C * h + h + C",
        multiply_adds="4 * C * h + H * W * C",
        symbols={"h": "C // 16"},
        layouts=("official", "timm", "tensorflow"),
    )

    def __init__(
        self,
        reduction: int = 16,
        *,
        hidden_units: int | None = None,
        use_bias: bool = True,
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
        self.reduction = validation.positive_integer("reduction", reduction)
        self.hidden_units = validation.optional_positive_integer(
            "hidden_units", hidden_units
        )
        self.use_bias = validation.boolean("use_bias", use_bias)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = validation.units(channels, self.reduction, self.hidden_units)
        self.squeeze = self._dense(
            "squeeze", hidden, channels, use_bias=self.use_bias
        )
        self.excite = self._dense(
            "excite", channels, hidden, use_bias=self.use_bias
        )

    def compute_attention(self, x, training=None):
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        # Mean and maximum are one batch, so that the MLP is called once.
        z = ops.concatenate(
            [reductions.upcast_mean(x, axes), reductions.amax(x, axes)]
        )
        scores = mlp(self.squeeze, self.excite, ops.relu, z)
        # `ops.split` is not used, as an export would fix the batch size of its
        # parts.
        shape = (2, reshaping.shape(x)[0], scores.shape[-1])
        scores = ops.sum(reshaping.reshape(scores, shape), axis=0)
        return reshaping.gate_of_channels(elementwise.sigmoid(scores), x, axes)
