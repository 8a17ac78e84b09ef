"""Gaussian context transformer (Ruan et al., 2021)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.layer import MapLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.ops import normalization
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class GaussianContext(Attention, MapLayer):
    r"""Gaussian context transformer (GCT), a gate without weights.

    .. math::

        m_c = \frac{1}{|S|} \sum_{p \in S} x_{p,c}, \qquad
        z_c = \frac{m_c - \mathrm{mean}(m)}{\sqrt{\mathrm{var}(m) + \epsilon}},
        \qquad
        s_c = \exp\Bigl(-\frac{c\, z_c^2}{2}\Bigr), \qquad
        y_{p,c} = s_c\, x_{p,c}

    where :math:`S` is the set of spatial positions, mean and variance are taken
    over the channels of a sample, and the number :math:`c` of the exponent is
    `width`. A channel with the average mean is kept. The more the mean of a
    channel differs from the others, the smaller is its gate.

    The layer has no weights. The input can have any number of spatial axes:
    signals, images and volumes are accepted. In a residual network the layer is
    inserted after the last batch normalization of a branch, before the
    addition. Means are summed, and gates computed, in float32 or float64.

    Args:
        width: Positive number :math:`c`. The standard deviation of the Gaussian
            function is :math:`1 / \sqrt c`: a larger number makes it narrower.
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
        The input shape. `attention` is the gate :math:`s`, of the input shape
        with every spatial size 1.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.GaussianContext()
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 1, 1, 64)

    Reference:
        `Gaussian Context Transformer <https://openaccess.thecvf.com/content/
        CVPR2021/html/Ruan_Gaussian_Context_Transformer_CVPR_2021_paper.html>`_,
        section 3.

    Note:
        This is the version GCT-B0 of the paper, in which :math:`c` is a
        constant. `keras_attention.GatedChannelTransform` is another layer that
        is called GCT.
    """

    card = Card(
        operation="scales channels, by a Gaussian of their normalized means",
        insertion="at the end of a residual branch",
        limits=(
            "It has no weights, so it does not learn which channels matter. "
            "With much data, `SqueezeExcite` can adapt better."
        ),
        papers=(
            (
                "https://openaccess.thecvf.com/content/CVPR2021/html/"
                "Ruan_Gaussian_Context_Transformer_CVPR_2021_paper.html"
            ),
        ),
        attention="channel",
        call="GaussianContext()",
        parameters="0",
        multiply_adds="C + H * W * C",
    )

    def __init__(
        self,
        *,
        width: float = 2.0,
        epsilon: float = 1e-5,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.width = validation.positive_number("width", width)
        self.epsilon = validation.positive_number("epsilon", epsilon)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        self._channels(input_shape)

    def compute_attention(self, x, training=None):
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        m = reductions.mean(precision.upcast(x), axes)
        z = normalization.layer_norm(m, self.epsilon)
        s = ops.exp(ops.square(z) * (-self.width / 2))
        return reshaping.gate_of_channels(s, x, axes)
