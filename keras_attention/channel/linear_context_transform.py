"""Linear context transform, LCT (Ruan et al., 2020)."""

from typing import Unpack

import keras

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
class LinearContextTransform(Attention, MapLayer):
    r"""Linear context transform (LCT): means that are normalized in groups.

    .. math::

        m_c = \frac{1}{|S|} \sum_{p \in S} x_{p,c}, \qquad
        \hat m_c = \frac{m_c - \mathrm{mean}_{k \in G(c)} m_k}
        {\sqrt{\mathrm{var}_{k \in G(c)} m_k + \epsilon}}, \qquad
        y_{p,c} = \sigma(\gamma_c\, \hat m_c + \beta_c)\, x_{p,c}

    where :math:`S` is the set of spatial positions, :math:`G(c)` is the group
    of consecutive channels that has channel :math:`c`, and :math:`\sigma` is
    the logistic sigmoid. :math:`\gamma` and :math:`\beta`, with one value of
    each per channel, are the only weights. They are initialized to 0 and 1, so
    every gate starts at :math:`\sigma(1) = 0.731`.

    The input can have any number of spatial axes: signals, images and volumes
    are accepted. In a residual network the layer is inserted after the last
    batch normalization of a branch, before the addition. Means are summed, and
    gates computed, in float32 or float64.

    Args:
        groups: Number of groups, a divisor of the number of channels.
        epsilon: Positive number :math:`\epsilon`, added to the variance.
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
        input shape with every spatial size 1.

    Raises:
        ValueError: If an argument is not as described above, if `groups` does
            not divide the number of channels, or if the input has no spatial
            axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.LinearContextTransform(groups=16)
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 1, 1, 64)

    Reference:
        `Linear Context Transform Block <https://arxiv.org/abs/1909.03834>`_,
        section 3.

    Note:
        The weights start as in the paper. The code of pytorch-attention has
        other initial values, 1 and 0. A group of one channel has
        :math:`\hat m_c = 0`, so its gate does not depend on the input.
    """

    card = Card(
        operation="scales channels, from their means, normalized in groups",
        insertion="at the end of a residual branch",
        limits=(
            "Means are normalized in groups of channels, so it needs several "
            "channels in each group. For few channels, use `SqueezeExcite`."
        ),
        papers=("1909.03834",),
        attention="channel",
        short_names=("lct",),
        call="LinearContextTransform(G)",
        parameters="2 * C",
        multiply_adds="C + H * W * C",
        symbols={"G": "16"},
        gain="COCO box AP up by 1.5 to 1.7",
        layouts=("pytorch-attention",),
    )

    def __init__(
        self,
        groups: int = 16,
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
        self.gamma = self._precise_vector("gamma", channels, "zeros")
        self.beta = self._precise_vector("beta", channels, "ones")

    def compute_attention(self, x, training=None):
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        m = reductions.mean(precision.upcast(x), axes)
        channels = m.shape[1]
        grouped = (-1, self.groups, channels // self.groups)
        m = normalization.layer_norm(
            reshaping.reshape(m, grouped), self.epsilon
        )
        m = reshaping.reshape(m, (-1, channels))
        gamma, beta = precision.cast_all((self.gamma, self.beta), m.dtype)
        s = elementwise.sigmoid(gamma * m + beta)
        return reshaping.gate_of_channels(s, x, axes)
