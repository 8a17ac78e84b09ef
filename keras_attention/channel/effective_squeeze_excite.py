"""Effective squeeze-and-excitation, eSE (Lee and Park, 2020)."""

from typing import Unpack

import keras

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Activation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class EffectiveSqueezeExcite(Attention, KernelLayer):
    r"""Effective squeeze-and-excitation (eSE): one layer, without a bottleneck.

    .. math::

        z_c = \frac{1}{|S|} \sum_{p \in S} x_{p,c}, \qquad
        s = \sigma(W z + b), \qquad
        y_{p,c} = s_c\, x_{p,c}

    where :math:`S` is the set of spatial positions, :math:`\sigma` is
    `gate_activation`, and :math:`W \in \mathbb{R}^{C \times C}`. The two layers
    of `keras_attention.SqueezeExcite` lose information in their few hidden
    units; here there are none.

    The input can have any number of spatial axes: signals, images and volumes
    are accepted. In a network of VoVNet the layer is inserted after the
    convolution that joins the features of a block.

    Args:
        gate_activation: Activation :math:`\sigma` of the gate. The default is
            that of the authors, `min(max(x + 3, 0), 6) / 6`; PaddleClas has
            `"sigmoid"`.
        use_bias: Whether :math:`b` exists.
        kernel_initializer: Initializer of :math:`W`. The default is PyTorch's
            for linear layers, uniform within
            :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of :math:`W`.
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
    >>> layer = keras_attention.EffectiveSqueezeExcite()
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 1, 1, 64)

    Reference:
        `CenterMask: Real-Time Anchor-Free Instance Segmentation
        <https://arxiv.org/abs/1911.06667>`_, section 3.

    Note:
        The paper does not name the function :math:`\sigma` beyond "sigmoid";
        the authors' code has the default of this layer. The bias is initialized
        to zero; PyTorch initializes it like the kernel.
    """

    card = Card(
        operation="scales channels, from their means, by one dense layer",
        insertion="at the end of a block, before the addition",
        limits=(
            "It has C² weights: for maps of many channels, `SqueezeExcite` "
            "and `EfficientChannelAttention` have far fewer."
        ),
        papers=("1911.06667",),
        attention="channel",
        short_names=("ese",),
        call="EffectiveSqueezeExcite()",
        parameters="C**2 + C",
        multiply_adds="C**2 + H * W * C",
        layouts=("official", "timm", "paddleclas"),
    )

    def __init__(
        self,
        *,
        gate_activation: Activation = "hard_sigmoid",
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
        self.use_bias = validation.boolean("use_bias", use_bias)
        self.gate_activation = validation.activation(
            "gate_activation", gate_activation
        )
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.gate = self._dense(
            "gate", channels, channels, use_bias=self.use_bias
        )

    def compute_attention(self, x, training=None):
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        z = precision.upcast_float16(reductions.upcast_mean(x, axes))
        scores = calls.dense(self.gate, z)
        s = elementwise.activate(self.gate_activation, scores)
        return reshaping.gate_of_channels(s, x, axes)
