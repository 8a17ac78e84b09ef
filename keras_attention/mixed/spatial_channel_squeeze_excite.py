"""Concurrent spatial and channel squeeze-and-excitation (Roy et al., 2018)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.channel import SqueezeExcite
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class SpatialChannelSqueezeExcite(Attention, KernelLayer):
    r"""Spatial and channel squeeze-and-excitation (scSE), side by side.

    .. math::

        s = \sigma\Bigl(W_2\, \mathrm{relu}\bigl(W_1 \tfrac{1}{|S|}
        \textstyle\sum_{p \in S} x_p + b_1\bigr) + b_2\Bigr), \qquad
        q_p = \sigma(w \cdot x_p + b), \qquad
        y_{p,c} = s_c\, x_{p,c} + q_p\, x_{p,c}

    where :math:`S` is the set of spatial positions, :math:`\sigma` the logistic
    sigmoid, :math:`W_1 \in \mathbb{R}^{h \times C}`,
    :math:`W_2 \in \mathbb{R}^{C \times h}` and :math:`w \in \mathbb{R}^C`. The
    channel gate :math:`s` is that of `keras_attention.SqueezeExcite`, with
    biases. The spatial gate :math:`q` is a convolution of size 1. With
    `combine="max"` the output is the larger one of :math:`s_c\, x_{p,c}` and
    :math:`q_p\, x_{p,c}`.

    The layer was designed for segmentation networks, where it is inserted after
    each block of the encoder and of the decoder.

    Args:
        reduction: Integer :math:`r \ge 1`: the channel gate has
            `max(1, channels // reduction)` hidden units. It is 16 in
            segmentation_models.pytorch, and 2 in the authors' code.
        hidden_units: Number :math:`h` of hidden units; overrides `reduction`.
        combine: How the two gated maps are combined: `"add"`, as in
            segmentation_models.pytorch, or `"max"` for the elementwise maximum,
            as in the authors' code.
        kernel_initializer: Initializer of :math:`W_1`, :math:`W_2` and
            :math:`w`. The default is PyTorch's, uniform within
            :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of :math:`W_1`, :math:`W_2` and
            :math:`w`.
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
        The input shape. `attention` is a dictionary: under `"channel"` the gate
        :math:`s`, of the input shape with height and width 1, under
        `"spatial"` the gate :math:`q`, of the input shape with one channel.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.SpatialChannelSqueezeExcite()
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape)
    (2, 8, 8, 64)
    >>> tuple(attention["channel"].shape), tuple(attention["spatial"].shape)
    ((2, 1, 1, 64), (2, 8, 8, 1))

    Reference:
        `Concurrent Spatial and Channel Squeeze & Excitation in Fully
        Convolutional Networks <https://arxiv.org/abs/1803.02579>`_,
        section 2.

    Note:
        Biases are initialized to zero; PyTorch initializes them like the
        kernels.
    """

    card = Card(
        operation="scales channels and positions, and combines the results",
        insertion="after each block of a segmentation network",
        limits=(
            "A position is gated from its own channels only. For a context of "
            "neighboring positions, use `CBAM`."
        ),
        papers=("1803.02579",),
        attention={"channel": "channel", "spatial": "spatial"},
        short_names=("scse",),
        call="SpatialChannelSqueezeExcite()",
        parameters="2 * C * h + h + 2 * C + 1",
        multiply_adds="2 * C * h + 3 * H * W * C",
        symbols={"h": "C // 16"},
        layouts=("official", "segmentation_models.pytorch"),
    )

    def __init__(
        self,
        reduction: int = 16,
        *,
        hidden_units: int | None = None,
        combine: str = "add",
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
        self.reduction = validation.positive_integer("reduction", reduction)
        self.hidden_units = validation.optional_positive_integer(
            "hidden_units", hidden_units
        )
        self.combine = validation.one_of("combine", combine, ("add", "max"))
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.channel = SqueezeExcite(
            self.reduction,
            hidden_units=self.hidden_units,
            use_bias=True,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            data_format=self.data_format,
            dtype=self.dtype_policy,
            name="channel",
        )
        self.channel.build(input_shape)
        self.spatial = self._dense("spatial", 1, channels)

    def compute_attention(self, x, training=None):
        z = precision.upcast_float16(x)
        z = reshaping.merge_spatial_axes(z, self.data_format)
        axis = data_formats.channel_axis(self.data_format, 3)
        scores = calls.pointwise(self.spatial, z, axis)
        shape = data_formats.with_channels(
            reshaping.shape(x), 1, self.data_format
        )
        spatial = reshaping.reshape(elementwise.sigmoid(scores), shape)
        return {
            "channel": self.channel.compute_attention(x),
            "spatial": precision.cast(spatial, x.dtype),
        }

    def apply_attention(self, x, attention):
        channel, spatial = attention["channel"], attention["spatial"]
        if self.combine == "max":
            # `ops.maximum` would narrow float64 to float32.
            return reductions.amax(ops.stack([x * channel, x * spatial]), (0,))
        return x * (channel + spatial)  # with one product for each value

    def compute_attention_shape(self, input_shape):
        return {
            "channel": data_formats.pooled(input_shape, self.data_format),
            "spatial": data_formats.with_channels(
                input_shape, 1, self.data_format
            ),
        }
