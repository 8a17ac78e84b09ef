"""Multi-scale channel attention, MS-CAM (Dai et al., 2021)."""

from typing import Unpack

import keras

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.context import branch
from keras_attention._base.context import weigh
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer


@keras.saving.register_keras_serializable(package="keras_attention")
class MultiScaleChannelAttention(Attention, KernelLayer):
    r"""Multi-scale channel attention (MS-CAM) from local and global context.

    .. math::

        f(z) = \mathrm{BN}_2\bigl(W_2\, \mathrm{relu}(\mathrm{BN}_1(W_1 z + b_1)
        ) + b_2\bigr), \qquad
        M_p = \sigma\Bigl(f_L(x_p) + f_G\bigl(\tfrac{1}{|S|}
        \textstyle\sum_{q \in S} x_q\bigr)\Bigr), \qquad
        y_{p,c} = M_{p,c}\, x_{p,c}

    where :math:`S` is the set of spatial positions, :math:`\sigma` the logistic
    sigmoid, :math:`\mathrm{BN}` batch normalization, :math:`W_1 \in
    \mathbb{R}^{h \times C}` and :math:`W_2 \in \mathbb{R}^{C \times h}`. The
    local context :math:`f_L` and the global context :math:`f_G` both have the
    form of :math:`f`, with separate weights.

    The layer can replace `keras_attention.SqueezeExcite`. Its gate differs
    between locations, so it responds to small objects that hardly change the
    mean over the whole map. The input can have any number of spatial axes.

    Args:
        reduction: Integer :math:`r \ge 1`: each context has
            `max(1, channels // reduction)` hidden units.
        hidden_units: Number :math:`h` of hidden units; overrides `reduction`.
        kernel_initializer: Initializer of :math:`W_1` and :math:`W_2`. The
            default is PyTorch's, uniform within
            :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of :math:`W_1` and :math:`W_2`.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor with one batch axis, one channel axis and at least one
            spatial axis. The number of channels must be known.
        training: Whether batch normalization uses the statistics of the batch
            and updates its moving statistics.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, *spatial, channels)` if `data_format="channels_last"`,
        `(batch, channels, *spatial)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is the gate :math:`M`, of the input shape.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.MultiScaleChannelAttention(reduction=4)
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 8, 8, 64)

    Reference:
        `Attentional Feature Fusion <https://arxiv.org/abs/2009.14082>`_,
        equations 2 and 3.

    Note:
        Batch normalization of the global context has one vector per sample as
        input. In training on batches of one sample, the global context is
        therefore constant; PyTorch raises an error in this case. Biases are
        initialized to zero; PyTorch initializes them like the kernels.
    """

    card = Card(
        operation="scales single values, from local and global context",
        insertion="at the end of a residual branch, for small objects",
        limits=(
            "It computes a point-wise bottleneck for every position, which "
            "costs more than a gate of channels."
        ),
        papers=("2009.14082",),
        attention="mixed",
        short_names=("ms_cam",),
        call="MultiScaleChannelAttention()",
        parameters="4 * C * h + 6 * h + 6 * C",
        multiply_adds="2 * C * h * (H * W + 1) + H * W * C",
        symbols={"h": "C // 4"},
        layouts=("official",),
    )

    def __init__(
        self,
        reduction: int = 4,
        *,
        hidden_units: int | None = None,
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
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = validation.units(channels, self.reduction, self.hidden_units)
        self.local_context = branch(self, "local_context", channels, hidden)
        self.global_context = branch(self, "global_context", channels, hidden)

    def compute_attention(self, x, training=None):
        return weigh(x, self.local_context, self.global_context, training)
