"""Global response normalization, GRN (Woo et al., 2023)."""

from typing import Unpack

import keras

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.layer import MapLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class GlobalResponseNorm(Attention, MapLayer):
    r"""Global response normalization (GRN), of ConvNeXt V2.

    .. math::

        g_c = \Bigl(\sum_{p \in S} x_{p,c}^2\Bigr)^{1/2}, \qquad
        n_c = \frac{g_c}{\frac{1}{C} \sum_{k=1}^{C} g_k + \epsilon}, \qquad
        y_{p,c} = (1 + \gamma_c\, n_c)\, x_{p,c} + \beta_c

    where :math:`S` is the set of spatial positions. :math:`\gamma` and
    :math:`\beta`, with one value of each per channel, are the only weights.
    They are initialized to zero, so the layer starts as the identity. A channel
    with a larger norm than the others is amplified where :math:`\gamma_c` is
    positive, so channels compete, and differ.

    The input can have any number of spatial axes: signals, images and volumes
    are accepted. In a block of ConvNeXt V2 the layer is inserted between the
    activation and the last of the two dense layers. Norms are computed in
    float32 or float64, whatever the dtype of the input, because sums of squares
    overflow in float16.

    Args:
        epsilon: Positive number :math:`\epsilon` that prevents a division by
            zero.
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
        The input shape. `attention` is the normalized response :math:`n`, of
        the input shape with every spatial size 1. Its mean over the channels is
        1.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.GlobalResponseNorm()
    >>> bool(keras.ops.all(layer(x) == x))
    True
    >>> tuple(layer.attention(x).shape)
    (2, 1, 1, 64)

    Reference:
        `ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders
        <https://arxiv.org/abs/2301.00808>`_, equations 1 to 3 and algorithm 1.

    Note:
        The gradient of :math:`g_c` is zero if the channel is zero everywhere.
        The sum of squares must be in the range of float32: no value may exceed
        :math:`1.8 \cdot 10^{19} / \sqrt{|S|}`.
    """

    card = Card(
        operation="scales channels, from their norms relative to the mean norm",
        insertion=(
            "between the dense layers of a block; starts as the identity"
        ),
        limits=(
            "It is made for wide layers of ConvNeXt blocks, with many "
            "channels. With few channels the mean norm says little."
        ),
        papers=("2301.00808",),
        attention="channel",
        short_names=("grn",),
        call="GlobalResponseNorm()",
        parameters="2 * C",
        multiply_adds="2 * H * W * C + C",
        layouts=("official", "timm"),
    )

    def __init__(
        self,
        *,
        epsilon: float = 1e-6,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.epsilon = validation.positive_number("epsilon", epsilon)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.gamma = self._precise_vector("gamma", channels, "zeros")
        self.beta = self._precise_vector("beta", channels, "zeros")

    def compute_attention(self, x, training=None):
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        g = reductions.l2_norm(x, axes)
        n = g / (reductions.mean(g, (1,), keepdims=True) + self.epsilon)
        return reshaping.gate_of_channels(n, x, axes)

    def apply_attention(self, x, attention):
        """Return `x`, scaled by the responses and shifted."""
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        n = precision.upcast(attention)
        gamma, beta = (
            reshaping.per_channel(
                precision.cast(weight, n.dtype), self.data_format, len(x.shape)
            )
            for weight in (self.gamma, self.beta)
        )
        gate, shift = (
            precision.cast(value, x.dtype) for value in (1 + gamma * n, beta)
        )
        return reductions.scale_and_shift(x, gate, shift, axes)
