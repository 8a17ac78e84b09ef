"""Bottleneck attention module, BAM (Park et al., 2018)."""

from typing import Unpack

import keras

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.conv_norm import ConvNormReLU
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.layer import name_each
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class BAM(Attention, KernelLayer):
    r"""Bottleneck attention module (BAM): channels and positions in parallel.

    .. math::

        M_c = W_2\, f(W_1 z), \qquad
        M_s = w_4\, f(w_3 *_d f(w_2 *_d f(w_1 x))), \qquad
        s = \sigma(M_c\, M_s), \qquad
        y_{p,c} = (1 + s_{p,c})\, x_{p,c}

    where :math:`z` is the mean of :math:`x` over positions, :math:`f` is batch
    normalization and ReLU, :math:`\sigma` is the logistic sigmoid, :math:`W_1
    \in \mathbb{R}^{m \times C}` and :math:`W_2 \in \mathbb{R}^{C \times m}` are
    dense layers, :math:`w_1` and :math:`w_4` are point-wise convolutions to
    :math:`m` channels and to one, and :math:`w_2 *_d` and :math:`w_3 *_d` are
    3x3 convolutions with dilation :math:`d`. All of them have biases.
    :math:`M_c` has one value for each channel, :math:`M_s` one for each
    position. With `combine="add"` :math:`s = \sigma(M_c + M_s)`.

    The authors insert the layer at the bottlenecks of a network: after each
    stage, before the map is made smaller.

    Args:
        reduction: Integer :math:`r \ge 1`: :math:`m` is
            `max(1, channels // reduction)`.
        hidden_units: Number :math:`m` of hidden units; overrides `reduction`.
        dilation_rate: Dilation :math:`d` of the two 3x3 convolutions.
        combine: How :math:`M_c` and :math:`M_s` are combined: `"multiply"`, as
            in the authors' code, or `"add"`, as in the paper.
        kernel_initializer: Initializer of all kernels. The default is
            PyTorch's, uniform within :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of all kernels.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor of rank 4. The number of channels must be known.
        training: Whether batch normalization uses the statistics of the batch
            and updates its moving statistics.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, height, width, channels)` if `data_format="channels_last"`,
        `(batch, channels, height, width)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is :math:`s`, of the same shape.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.BAM(reduction=16)
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 8, 8, 64)

    Reference:
        `BAM: Bottleneck Attention Module <https://arxiv.org/abs/1807.06514>`_,
        equations 1 to 4.

    Note:
        The authors' code computes the mean of square maps only; here it is the
        mean of the whole map. Batch normalization of the channels has one
        vector per sample as input. In training on batches of one sample,
        :math:`M_c` is therefore constant; PyTorch raises an error in this case.
        Biases are initialized to zero; PyTorch initializes them like the
        kernels.
    """

    card = Card(
        operation="scales single values, by channel and by position",
        insertion="after each stage, before the map is made smaller",
        limits=(
            "Its two dilated convolutions cost more than `CBAM`. It is made "
            "for a few insertion points, not for every block."
        ),
        papers=("1807.06514",),
        attention="mixed",
        call="BAM()",
        parameters="3 * C * m + 18 * m**2 + 13 * m + C + 1",
        multiply_adds="2 * C * m + H * W * (C * m + 18 * m**2 + m + 2 * C)",
        symbols={"m": "C // 16"},
        layouts=("official",),
    )

    def __init__(
        self,
        reduction: int = 16,
        *,
        hidden_units: int | None = None,
        dilation_rate: int = 4,
        combine: str = "multiply",
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
        self.dilation_rate = validation.positive_integer(
            "dilation_rate", dilation_rate
        )
        self.combine = validation.one_of(
            "combine", combine, ("multiply", "add")
        )
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self._axis = data_formats.any_rank_axis(self.data_format)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = validation.units(channels, self.reduction, self.hidden_units)
        self.squeeze = self._dense("squeeze", hidden, channels)
        self.squeeze_norm = self._batch_norm("squeeze_norm", hidden)
        self.excite = self._dense("excite", channels, hidden)
        self.reduce = self._dense("reduce", hidden, channels)
        self.reduce_norm = self._batch_norm("reduce_norm", hidden, self._axis)
        self.dilated = [
            ConvNormReLU(
                hidden,
                kernel_size=3,
                strides=1,
                dilation_rate=self.dilation_rate,
                groups=1,
                use_bias=True,
                kernel_initializer=self.kernel_initializer,
                kernel_regularizer=self.kernel_regularizer,
                data_format=self.data_format,
                dtype=self.dtype_policy,
                name=f"dilated_{index}",
            )
            for index in range(2)
        ]
        name_each(self, "dilated")
        for layer in self.dilated:
            layer.build(
                data_formats.with_channels(
                    (None,) * 4, hidden, self.data_format
                )
            )
        self.score = self._dense("score", 1, hidden)

    def compute_attention(self, x, training=None):
        x32 = precision.upcast_float16(x)
        of_channels = self._score_channels(x32, training)
        of_positions = self._score_positions(x32, training)
        if self.combine == "multiply":
            scores = of_channels * of_positions
        else:
            scores = of_channels + of_positions
        return precision.cast(elementwise.sigmoid(scores), x.dtype)

    def apply_attention(self, x, attention):
        return x + attention * x

    def _score_channels(self, x, training):
        """Return the score of each channel, from the mean of the map."""
        axes = data_formats.spatial_axes(self.data_format, 4)
        z = calls.pointwise_batch_norm(
            self.squeeze,
            self.squeeze_norm,
            reductions.upcast_mean(x, axes),
            training,
            -1,
        )
        scores = calls.dense(self.excite, elementwise.relu(z))
        return reshaping.expand_dims(scores, axes)

    def _score_positions(self, x, training):
        """Return the score of each position, from the context around it."""
        size = data_formats.spatial_size(reshaping.shape(x), self.data_format)
        u = calls.pointwise_batch_norm(
            self.reduce,
            self.reduce_norm,
            reshaping.merge_spatial_axes(x, self.data_format),
            training,
            self._axis,
        )
        u = reshaping.split_spatial_axis(
            elementwise.relu(u), size, self.data_format
        )
        for layer in self.dilated:
            u = layer.call(u, training=training)
        u = reshaping.merge_spatial_axes(u, self.data_format)
        return reshaping.split_spatial_axis(
            calls.pointwise(self.score, u, self._axis), size, self.data_format
        )
