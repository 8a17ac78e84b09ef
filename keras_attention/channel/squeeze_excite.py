"""Squeeze-and-Excitation (Hu et al., 2018)."""

from typing import Unpack

import keras

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Activation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.channel._bottleneck import mlp
from keras_attention.ops import elementwise
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class SqueezeExcite(Attention, KernelLayer):
    r"""Squeeze-and-Excitation (SE) channel attention.

    .. math::

        z_c = \frac{1}{|S|} \sum_{p \in S} x_{p,c}, \qquad
        s = \sigma(W_2\, \delta(W_1 z + b_1) + b_2), \qquad
        y_{p,c} = s_c\, x_{p,c}

    where :math:`S` is the set of spatial positions, :math:`\delta` is
    `activation`, :math:`\sigma` is `gate_activation`,
    :math:`W_1 \in \mathbb{R}^{h \times C}`,
    :math:`W_2 \in \mathbb{R}^{C \times h}`, and :math:`h` is the number of
    hidden units.

    The input can have any number of spatial axes: signals, images and volumes
    are accepted. In a residual network the layer is inserted after the last
    batch normalization of a branch, before the addition.

    Args:
        reduction: Integer :math:`r \ge 1`: there are
            `max(1, channels // reduction)` hidden units.
        hidden_units: Number :math:`h` of hidden units; overrides `reduction`.
        activation: Activation :math:`\delta` of the hidden units.
        gate_activation: Activation :math:`\sigma` of the gate.
        use_bias: Whether :math:`b_1` and :math:`b_2` exist. The networks
            published by the authors and by timm have them; the equation of the
            paper and the widely used PyTorch code do not.
        kernel_initializer: Initializer of :math:`W_1` and :math:`W_2`. The
            default is PyTorch's for linear layers, uniform within
            :math:`\pm 1 / \sqrt{\text{inputs}}`.
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
        The input shape. `attention` is the gate :math:`s`, of the input shape
        with every spatial size 1.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.SqueezeExcite(reduction=16)
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 1, 1, 64)

    Reference:
        `Squeeze-and-Excitation Networks <https://arxiv.org/abs/1709.01507>`_,
        equations 2 to 4.

    Note:
        Biases are initialized to zero; PyTorch initializes them like the
        kernels.
    """

    card = Card(
        operation="scales channels, from their means",
        insertion="at the end of a residual branch or of an Inception block",
        limits=(
            "With fewer than about 32 channels the bottleneck has one or two "
            "units: lower `reduction`, or use `EfficientChannelAttention`."
        ),
        papers=("1709.01507",),
        attention="channel",
        short_names=("se",),
        call="SqueezeExcite()",
        parameters="2 * C * h",
        multiply_adds="2 * C * h + H * W * C",
        symbols={"h": "C // 16"},
        gain="ImageNet top-1 error of ResNet-50 24.80 → 23.29",
        layouts=("senet.pytorch", "timm", "caffe", "paddleocr", "paddle"),
    )

    def __init__(
        self,
        reduction: int = 16,
        *,
        hidden_units: int | None = None,
        activation: Activation = "relu",
        gate_activation: Activation = "sigmoid",
        use_bias: bool = False,
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
        self.use_bias = validation.boolean("use_bias", use_bias)
        self.activation = validation.activation("activation", activation)
        self.gate_activation = validation.activation(
            "gate_activation", gate_activation
        )
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
        z = reductions.upcast_mean(x, axes)
        s = mlp(self.squeeze, self.excite, self.activation, z)
        s = elementwise.activate(self.gate_activation, s)
        return reshaping.gate_of_channels(s, x, axes)
