"""Shuffle attention, SA-Net (Zhang and Yang, 2021)."""

import math
from typing import Unpack

import keras
from keras import ops

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.layer import MapLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.ops import elementwise
from keras_attention.ops import normalization
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class ShuffleAttention(Attention, MapLayer):
    r"""Shuffle attention (SA): channel and spatial gates on halves of groups.

    .. math::

        a_c = \sigma\Bigl(w_c\, \tfrac{1}{|S|} \textstyle\sum_{p \in S} u_{p,c}
        + b_c\Bigr), \qquad
        q_{p,c} = \sigma\Bigl(w'_c \Bigl(\gamma_c\, \frac{v_{p,c} -
        \mu_c}{\sqrt{\nu_c + \varepsilon}} + \beta_c\Bigr) + b'_c\Bigr)

        z = [a\, u;\; q\, v], \qquad
        y_{2c} = z_c, \quad y_{2c+1} = z_{C/2 + c}

    where :math:`S` is the set of spatial positions and :math:`\sigma` the
    logistic sigmoid. The channels are divided into `groups`. The first half of
    the channels of each group is :math:`u`, which is scaled by a gate of
    channels, the second half is :math:`v`, which is scaled by a gate of single
    values. :math:`\mu_c` and :math:`\nu_c` are the mean and the variance of
    channel :math:`c` of one sample over :math:`S`. In :math:`z` the halves of
    each group are joined again. Then all channels are shuffled, counted from 0:
    the first half of them alternates with the second half.

    All groups share the weights: :math:`w`, :math:`b`, :math:`w'`, :math:`b'`,
    :math:`\gamma` and :math:`\beta` have :math:`C / 2G` values each for
    :math:`G` groups. In a residual network the layer is inserted after the last
    batch normalization of a branch, before the addition.

    Args:
        groups: Number :math:`G` of groups. Twice this number must divide the
            number of channels.
        epsilon: Positive number :math:`\varepsilon` that is added to the
            variance.
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
        The input shape. `attention` is a dictionary of gates for half as many
        channels, before the shuffle and in the order of the groups: under
        `"channel"` the gate :math:`a` of the first halves, with height and
        width 1, under `"spatial"` the gate :math:`q` of the second halves.

    Raises:
        ValueError: If an argument is not as described above, if the input has
            another rank or an unknown number of channels, or if `2 * groups`
            does not divide the number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.ShuffleAttention(groups=8)
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape)
    (2, 8, 8, 64)
    >>> tuple(attention["channel"].shape), tuple(attention["spatial"].shape)
    ((2, 1, 1, 32), (2, 8, 8, 32))
    >>> layer.count_params()
    24

    Reference:
        `SA-Net: Shuffle Attention for Deep Convolutional Neural Networks
        <https://arxiv.org/abs/2102.00240>`_, section 3.

    Note:
        The order of the channels differs between input and output, even where
        all gates are 1. The layer computes the gates in float32 or float64.
    """

    card = Card(
        operation=(
            "scales channels in one half of each group and single values in "
            "the other half, and shuffles channels"
        ),
        insertion="at the end of a residual branch",
        limits=(
            "The shuffle changes the order of channels, so a trained network "
            "cannot keep its weights behind it. The channels must divide by "
            "`2 * groups`."
        ),
        papers=("2102.00240",),
        attention={"channel": "channel", "spatial": "mixed"},
        short_names=("sa", "shuffle"),
        call="ShuffleAttention(G)",
        parameters="3 * C // G",
        multiply_adds="C // 2 + 5 * H * W * C // 2",
        symbols={"G": "16"},
        gain="ImageNet top-1 accuracy of ResNet-50 up by 1.34",
        layouts=("official",),
    )

    def __init__(
        self,
        groups: int = 64,
        *,
        epsilon: float = 1e-5,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.groups = validation.positive_integer("groups", groups)
        self.epsilon = validation.positive_number("epsilon", epsilon)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        if channels % (2 * self.groups):
            raise ValueError(
                "`groups` must divide half of the number of channels "
                f"({channels}). Received: groups={self.groups}"
            )
        size = channels // (2 * self.groups)
        vector = self._precise_vector
        self.channel_weight = vector("channel_weight", size, "zeros")
        self.channel_bias = vector("channel_bias", size, "ones")
        self.spatial_weight = vector("spatial_weight", size, "zeros")
        self.spatial_bias = vector("spatial_bias", size, "ones")
        self.gamma = vector("gamma", size, "ones")
        self.beta = vector("beta", size, "zeros")

    def compute_attention(self, x, training=None):
        first, second = map(precision.upcast, self._halves(x))
        w, b, v, c, gamma, beta = (
            self._per_channel(weight, first.dtype)
            for weight in (
                self.channel_weight,
                self.channel_bias,
                self.spatial_weight,
                self.spatial_bias,
                self.gamma,
                self.beta,
            )
        )
        positions = (1 if self._is_last else 3,)
        mean = reductions.upcast_mean(first, positions, keepdims=True)
        # This is v (gamma normalized + beta) + c, with fewer passes.
        centered, scale = normalization.center_and_scale(
            second, positions, self.epsilon
        )
        scores = {
            "channel": w * mean + b,
            "spatial": centered * (v * gamma * scale) + (v * beta + c),
        }
        shapes = self.compute_attention_shape(reshaping.shape(x))
        return {
            key: reshaping.reshape(
                precision.cast(elementwise.sigmoid(scores[key]), x.dtype),
                shapes[key],
            )
            for key in shapes
        }

    def apply_attention(self, x, attention):
        first, second = self._halves(x)
        channel, spatial = (
            self._split(attention[key], self.groups)
            for key in ("channel", "spatial")
        )
        z = ops.concatenate(
            [first * channel, second * spatial], self._group_axis
        )
        z = reshaping.reshape(z, self._split_shape(x, 2))
        # Channels of the two halves of the map alternate.
        axis = 2 if self._is_last else 1
        z = ops.swapaxes(z, axis, axis + 1)
        return reshaping.reshape(z, reshaping.shape(x))

    def compute_attention_shape(self, input_shape):
        channels = data_formats.channel_count(input_shape, self.data_format)
        spatial = data_formats.with_channels(
            input_shape, channels // 2, self.data_format
        )
        return {
            "channel": data_formats.pooled(spatial, self.data_format),
            "spatial": spatial,
        }

    def _halves(self, x):
        """Return the first and the second halves of all groups of a map."""
        return ops.split(self._split(x, self.groups), 2, self._group_axis)

    def _split(self, x, parts: int):
        """Merge the spatial axes of a map, and split its channels."""
        return reshaping.reshape(x, self._split_shape(x, parts))

    def _split_shape(self, x, parts: int):
        """Return the shape of a map with merged axes and split channels.

        By its own sizes: ONNX files would have the height in place of the
        number of positions if these were the sizes of a merged map.
        """
        batch, *space = reshaping.shape(x)
        channels = space.pop(-1 if self._is_last else 0)
        positions, split = math.prod(space), (parts, channels // parts)
        if self._is_last:
            return (batch, positions, *split)
        return (batch, *split, positions)

    def _per_channel(self, weight, dtype):
        """Cast and reshape a weight to multiply a half of all groups."""
        weight = precision.cast(weight, dtype)
        return weight if self._is_last else weight[:, None]

    @property
    def _group_axis(self) -> int:
        """Return the axis of the channels of a group in a split map."""
        return 3 if self._is_last else 2

    @property
    def _is_last(self) -> bool:
        """Return whether channels are the last axis."""
        return self.data_format == "channels_last"
