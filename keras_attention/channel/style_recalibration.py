"""Style-based recalibration module, SRM (Lee et al., 2019)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import elementwise
from keras_attention.ops import normalization
from keras_attention.ops import precision
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class StyleRecalibration(Attention, KernelLayer):
    r"""Style-based recalibration (SRM), by mean and standard deviation.

    .. math::

        \mu_c = \frac{1}{|S|} \sum_{p \in S} x_{p,c}, \qquad
        \sigma_c = \Bigl(\frac{1}{|S| - 1} \sum_{p \in S} (x_{p,c} - \mu_c)^2
        + \epsilon\Bigr)^{1/2}

    .. math::

        z_c = w_{c,1}\, \mu_c + w_{c,2}\, \sigma_c, \qquad
        s_c = \mathrm{sigmoid}(\mathrm{BN}(z_c)), \qquad
        y_{p,c} = s_c\, x_{p,c}

    where :math:`S` is the set of spatial positions, :math:`w \in \mathbb{R}^{C
    \times 2}`, and :math:`\mathrm{BN}` is batch normalization. The mean and the
    standard deviation of a channel are called its style. Channels do not
    interact: there are four weights for each. A new layer has :math:`w = 0`, so
    all gates start at 1/2.

    The input can have any number of spatial axes: signals, images and volumes
    are accepted. In a residual network the layer is inserted after the last
    batch normalization of a branch, before the addition. Means and standard
    deviations are computed in float32 or float64, whatever the dtype of the
    input.

    Args:
        epsilon: Positive number :math:`\epsilon`, added to the variance.
        kernel_initializer: Initializer of :math:`w`.
        kernel_regularizer: Regularizer of :math:`w`.
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
    >>> layer = keras_attention.StyleRecalibration()
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> gate = layer.attention(x)
    >>> tuple(gate.shape)
    (2, 1, 1, 64)
    >>> bool(keras.ops.all(gate == 0.5))
    True

    Reference:
        `SRM: A Style-based Recalibration Module for Convolutional Neural
        Networks <https://arxiv.org/abs/1903.10829>`_, equations 1 to 9.

    Note:
        As in the authors' code, the variance is the unbiased one. With one
        position it is 0, where that code returns NaN. Batch normalization has
        one value per sample and channel as input, so in training on batches of
        one sample the gate is constant; PyTorch raises an error in this case.
    """

    card = Card(
        operation="scales channels, from their means and standard deviations",
        insertion="at the end of a residual branch",
        limits=(
            "A weight depends on its own channel only, and batch "
            "normalization needs batches of several images in training."
        ),
        papers=("1903.10829",),
        attention="channel",
        short_names=("srm",),
        call="StyleRecalibration()",
        parameters="4 * C",
        multiply_adds="2 * H * W * C + 2 * C",
        layouts=("official",),
    )

    def __init__(
        self,
        *,
        epsilon: float = 1e-5,
        kernel_initializer: Initializer = "zeros",
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
        self.epsilon = validation.positive_number("epsilon", epsilon)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        # Combined with float32 statistics, for which half precision would lose
        # accuracy.
        self.kernel = self.add_weight(
            (channels, 2),
            self._new_initializer(),
            regularizer=self.kernel_regularizer,
            name="kernel",
            autocast=False,
        )
        self.norm = self._batch_norm("norm", channels)

    def compute_attention(self, x, training=None):
        # All positions along one axis, which is faster.
        x32 = reshaping.merge_spatial_axes(
            precision.upcast(x), self.data_format
        )
        positions = data_formats.spatial_axes(self.data_format, 3)
        mean, _, variance = normalization.squared_deviations(x32, positions)
        deviation = ops.sqrt(variance + self.epsilon)
        mean, deviation = (ops.squeeze(t, positions) for t in (mean, deviation))
        w = precision.cast(self.kernel, mean.dtype)
        z = w[:, 0] * mean + w[:, 1] * deviation
        s = elementwise.sigmoid(self.norm.call(z, training=training))
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        return reshaping.gate_of_channels(s, x, axes)
