"""Channel self-attention of the dual attention network (Fu et al., 2019)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.layer import MapLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention.ops import precision
from keras_attention.ops import products
from keras_attention.ops import reductions
from keras_attention.ops import reshaping
from keras_attention.self_attention._merged import merged

# Smaller scores have weights below the rounding of any sum. In float32 they are
# subnormal, and processors take a hundred times as long to multiply those.
_LEAST_SCORE = -70.0


@keras.saving.register_keras_serializable(package="keras_attention")
class ChannelSelfAttention(Attention, MapLayer):
    r"""Channel self-attention: adds to each channel a mean of all channels.

    .. math::

        E = X X^\top, \qquad
        A_{i,j} = \frac{\exp(\max_k E_{i,k} - E_{i,j})}
                      {\sum_l \exp(\max_k E_{i,k} - E_{i,l})}, \qquad
        Y = \gamma A X + X

    where :math:`X` has a row for each channel and a column for each position.
    The similarity :math:`E_{i,j}` of two channels has a negative sign: channel
    :math:`i` takes most from the channels that it is least similar to. The
    weight :math:`\gamma` is zero at first, so that the layer is the identity
    then. The input can have any number of spatial axes.

    Args:
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
        The input shape. `attention` is :math:`A`, `(batch, channels,
        channels)` in either data format.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 16))
    >>> layer = keras_attention.ChannelSelfAttention()
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape), tuple(attention.shape)
    ((2, 8, 8, 16), (2, 16, 16))

    Reference:
        `Dual Attention Network for Scene Segmentation
        <https://arxiv.org/abs/1809.02983>`_, section 3.3.

    Note:
        The paper has :math:`E` without a sign; the difference from the maximum
        is that of the authors' code.
    """

    card = Card(
        operation="adds to each channel a mean of all channels",
        insertion="at the end of a segmentation network, on its last map",
        limits=(
            "The similarities are sums over all positions: on large maps their "
            "softmax often selects a single channel."
        ),
        papers=("1809.02983",),
        attention="channel pairs",
        call="ChannelSelfAttention()",
        parameters="1",
        multiply_adds="2 * H * W * C**2 + H * W * C",
        layouts=("official",),
    )

    def __init__(
        self, *, data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        self._channels(input_shape)
        self.gamma = self._precise_vector("gamma", 1, "zeros")

    def compute_attention(self, x, training=None):
        z, axis = merged(x, self.data_format)
        turned = ops.swapaxes(z, 1, 2)
        rows, columns = (z, turned) if axis == 1 else (turned, z)
        scores = -products.matmul(rows, columns)
        # The softmax is the same for any number in place of the maximum.
        scores = scores - ops.stop_gradient(
            reductions.amax(scores, (2,), keepdims=True)
        )
        least = precision.cast(_LEAST_SCORE, scores.dtype)
        scores = ops.where(scores < least, least, scores)
        return precision.cast(reductions.softmax(scores, 2), x.dtype)

    def apply_attention(self, x, attention):
        z, axis = merged(x, self.data_format)
        attention = precision.upcast(attention)
        z = products.weighted_sums(z, attention, axis=3 - axis)
        z = precision.cast(precision.cast(self.gamma, z.dtype) * z, x.dtype)
        return x + reshaping.reshape(z, reshaping.shape(x))

    def compute_attention_shape(self, input_shape):
        channels = data_formats.channel_count(input_shape, self.data_format)
        return (input_shape[0], channels, channels)
