"""SimAM, a simple, parameter-free attention module (Yang et al., 2021)."""

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


@keras.saving.register_keras_serializable(package="keras_attention")
class SimAM(Attention, MapLayer):
    r"""Simple, parameter-free attention (SimAM), by the energy of each value.

    .. math::

        d_{p,c} = (x_{p,c} - \mu_c)^2, \qquad
        v_c = \frac{1}{n} \sum_{p \in S} d_{p,c}, \qquad
        s_{p,c} = \sigma\Bigl(\frac{d_{p,c}}{4 (v_c + \lambda)} +
        \frac{1}{2}\Bigr), \qquad
        y_{p,c} = s_{p,c}\, x_{p,c}

    where :math:`S` is the set of spatial positions, :math:`\mu_c` is the mean
    of channel :math:`c` over :math:`S`, :math:`n = |S| - 1`, :math:`\lambda` is
    `regularization` and :math:`\sigma` is the logistic sigmoid. A value that
    differs much from the other values of its channel has a large gate.

    The layer has no weights. The input can have any number of spatial axes:
    signals, images and volumes are accepted. The authors insert the layer
    after the second convolution of a residual branch.

    Args:
        regularization: Positive number :math:`\lambda` that is added to the
            variance of a channel.
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
        The input shape. `attention` is the gate :math:`s`, of the same shape.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.SimAM()
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 8, 8, 64)

    Reference:
        `SimAM: A Simple, Parameter-Free Attention Module for Convolutional
        Neural Networks <https://proceedings.mlr.press/v139/yang21o.html>`_,
        equations 5 and 6.

    Note:
        With one position :math:`n` would be 0. It is 1 then, and the gate is
        :math:`\sigma(1/2)`. The layer computes in float32 or float64. The
        deviations from the mean must be below :math:`1.8 \cdot 10^{19} /
        \sqrt{|S|}`, so that the sum of their squares is in the range of
        float32.
    """

    card = Card(
        operation="scales single values, by their distance from the mean",
        insertion="after the second convolution of a residual branch",
        limits=(
            "It has nothing to train, and keeps what differs from the mean: "
            "noisy maps are emphasized as well."
        ),
        papers=("https://proceedings.mlr.press/v139/yang21o.html",),
        attention="mixed",
        short_names=("simam",),
        call="SimAM()",
        parameters="0",
        multiply_adds="2 * H * W * C",
    )

    def __init__(
        self,
        *,
        regularization: float = 1e-4,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.regularization = validation.positive_number(
            "regularization", regularization
        )
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        self._channels(input_shape)

    def compute_attention(self, x, training=None):
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        _, d, variance = normalization.squared_deviations(
            precision.upcast(x), axes
        )
        energy = d / (4 * (variance + self.regularization)) + 0.5
        return precision.cast(elementwise.sigmoid(energy), x.dtype)
