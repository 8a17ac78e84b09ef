"""Spatial Group-wise Enhance (Li et al., 2019)."""

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
class SpatialGroupEnhance(Attention, MapLayer):
    r"""Spatial group-wise enhance (SGE): spatial attention per channel group.

    The channels are split into :math:`G` groups of :math:`C/G` consecutive
    channels. For each group, with the vector :math:`x_p` of its channels at
    position :math:`p`,

    .. math::

        c_p = x_p \cdot \frac{1}{|S|} \sum_{q \in S} x_q, \qquad
        t_p = \frac{c_p - \mathrm{mean}(c)}{\mathrm{std}(c) + \epsilon}, \qquad
        y_p = \sigma(\gamma\, t_p + \beta)\, x_p

    where :math:`S` is the set of spatial positions, mean and standard deviation
    are taken over :math:`S` for each sample and group, :math:`\sigma` is the
    logistic sigmoid, and :math:`\gamma` and :math:`\beta`, with one value per
    group, are the only weights. They are initialized to 0 and 1, so every gate
    starts at :math:`\sigma(1) = 0.731`: the layer does not start as the
    identity.

    The input can have any number of spatial axes. In a residual network the
    layer is inserted after the last batch normalization of a branch, before the
    addition. Products and statistics are computed in float32 or float64,
    whatever the dtype of the input.

    Args:
        groups: Number :math:`G` of groups, a divisor of the number of channels.
        epsilon: Positive number :math:`\epsilon`, added to the standard
        deviation.
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
        The input shape. `attention` is the gate :math:`\sigma(\cdot)`, of the
        input shape with `groups` channels.

    Raises:
        ValueError: If an argument is not as described above, if `groups` does
            not divide the number of channels, or if the input has no spatial
            axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.SpatialGroupEnhance(groups=16)
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 8, 8, 16)

    Reference:
        `Spatial Group-wise Enhance: Improving Semantic Feature Learning in
        Convolutional Networks <https://arxiv.org/abs/1905.09646>`_, section 3.

    Note:
        The standard deviation is the unbiased one, as in the authors' code.
        That code divides zero by zero on a map of one position; this layer
        returns :math:`t = 0`. Values may be as large as :math:`10^{15}`.

        A large mean over the positions reduces the accuracy in float32.
        Measured at :math:`\gamma = \beta = 1` on maps with a standard deviation
        of 1 and a mean of :math:`10^3`, :math:`10^4`, :math:`10^5` and
        :math:`10^6`, the error of the gate is up to 0.0002, 0.002, 0.02 and
        0.2. On a constant map, :math:`t` should be 0 but is rounding error
        between -1 and 1, unless all products are exact. With `dtype="float64"`
        seven digits are correct for all of these means.
    """

    card = Card(
        operation=(
            "scales positions per channel group, by similarity to the "
            "group's mean"
        ),
        insertion="at the end of a residual branch",
        limits=(
            "The similarity is to the mean of the map: if no object covers "
            "much of the image, the mean says little."
        ),
        papers=("1905.09646",),
        attention="grouped",
        short_names=("sge",),
        call="SpatialGroupEnhance(G)",
        parameters="2 * G",
        multiply_adds="2 * H * W * C + H * W * G",
        symbols={"G": "16"},
        gain="ImageNet top-1 accuracy of ResNet-50 76.38 → 77.58",
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
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        validation.divides(
            "groups", self.groups, channels, "the number of channels"
        )
        self.gamma = self._precise_vector("gamma", self.groups, "zeros")
        self.beta = self._precise_vector("beta", self.groups, "ones")

    def compute_attention(self, x, training=None):
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        x32 = precision.upcast(x)
        mean = self._grouped(reductions.upcast_mean(x32, axes, keepdims=True))
        # c / shrink with epsilon / shrink gives the same t, without overflow of
        # c^2. For most maps, shrink is 1.
        constant = ops.stop_gradient(mean)
        channels = self._group_axis + 1
        square = reductions.group_dot(constant, constant, channels)
        shrink = elementwise.relu(square * 1e-12 - 1) + 1
        mean = mean / shrink
        c = reductions.group_dot(self._grouped(x32), mean, channels)
        axis = 1 if self.data_format == "channels_last" else 3
        centered, factor = normalization.center(
            c, (axis,), self.epsilon / shrink
        )
        # The position of the group axis in the data format.
        per_group = [1, 1, 1, 1]
        per_group[self._group_axis] = self.groups
        gamma, beta = (
            reshaping.reshape(precision.cast(weight, x32.dtype), per_group)
            for weight in (self.gamma, self.beta)
        )
        # This is gamma t + beta, with fewer passes over the map.
        gate = elementwise.sigmoid(centered * (gamma * factor) + beta)
        shape = data_formats.with_channels(
            reshaping.shape(x), self.groups, self.data_format
        )
        return reshaping.reshape(precision.cast(gate, x.dtype), shape)

    def apply_attention(self, x, attention):
        gate = self._grouped(attention)
        axes = (self._group_axis + 1,)
        outputs = reductions.scale(self._grouped(x), gate, axes)
        return reshaping.reshape(outputs, reshaping.shape(x))

    def compute_attention_shape(self, input_shape):
        return data_formats.with_channels(
            input_shape, self.groups, self.data_format
        )

    def _grouped(self, x):
        """Merge the spatial axes of a map, and group its channels."""
        merged = reshaping.merge_spatial_axes(x, self.data_format)
        return reshaping.split_channels(merged, self.groups, self.data_format)

    @property
    def _group_axis(self) -> int:
        """Return the axis of the groups in a grouped map."""
        return data_formats.channel_axis(self.data_format, 3)
