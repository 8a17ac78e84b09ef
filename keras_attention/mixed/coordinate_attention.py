"""Coordinate attention (Hou et al., 2021)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Activation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class CoordinateAttention(Attention, KernelLayer):
    r"""Coordinate attention: gates of the rows and columns of each channel.

    .. math::

        u_i = \frac{1}{W} \sum_j x_{i,j}, \qquad
        v_j = \frac{1}{H} \sum_i x_{i,j}, \qquad
        f(z) = \delta(\mathrm{BN}(W_1 z + b_1))

        g_i = \sigma(W_h f(u_i) + b_h), \qquad
        q_j = \sigma(W_w f(v_j) + b_w), \qquad
        y_{i,j,c} = x_{i,j,c}\, g_{i,c}\, q_{j,c}

    where :math:`i` and :math:`j` are row and column of a map of :math:`H` rows
    and :math:`W` columns, :math:`\delta` is `activation`, :math:`\sigma` the
    logistic sigmoid, :math:`\mathrm{BN}` batch normalization,
    :math:`W_1 \in \mathbb{R}^{m \times C}` and :math:`W_h, W_w \in
    \mathbb{R}^{C \times m}`. Rows and columns share :math:`f`, and its
    normalization takes its statistics from the :math:`H + W` vectors of all
    samples. The product of both gates can locate an object, which the gate of a
    channel alone cannot.

    The authors insert the layer after the depthwise convolution of the inverted
    residual blocks of MobileNetV2.

    Args:
        reduction: Integer :math:`r \ge 1`: there are
            `max(min_units, channels // reduction)` hidden units.
        hidden_units: Number :math:`m` of hidden units; overrides `reduction`
            and `min_units`. timm has as many as 1/16 of the channels, rounded
            to a multiple of 8.
        min_units: Minimum number of hidden units.
        activation: Activation :math:`\delta` of the hidden units.
        use_bias: Whether :math:`b_1`, :math:`b_h` and :math:`b_w` exist. The
            networks of timm do not have them.
        kernel_initializer: Initializer of :math:`W_1`, :math:`W_h` and
            :math:`W_w`. The default is PyTorch's, uniform within
            :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of :math:`W_1`, :math:`W_h` and
            :math:`W_w`.
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
        The input shape. `attention` is a dictionary: under `"height"` the gate
        :math:`g` of the rows, of the input shape with width 1, under `"width"`
        the gate :math:`q` of the columns, of the input shape with height 1.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 6, 64))
    >>> layer = keras_attention.CoordinateAttention()
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape)
    (2, 8, 6, 64)
    >>> tuple(attention["height"].shape), tuple(attention["width"].shape)
    ((2, 8, 1, 64), (2, 1, 6, 64))

    Reference:
        `Coordinate Attention for Efficient Mobile Network Design
        <https://arxiv.org/abs/2103.02907>`_, equations 4 to 9.

    Note:
        Biases are initialized to zero; PyTorch initializes them like the
        kernels.
    """

    card = Card(
        operation="scales the rows and the columns of each channel",
        insertion=(
            "after the depthwise convolution of an inverted residual block"
        ),
        limits=(
            "It describes rows and columns: objects whose position along both "
            "axes matters at once are better gated by `SpatialAttention`."
        ),
        papers=("2103.02907",),
        attention={"height": "rows", "width": "columns"},
        short_names=("coord",),
        call="CoordinateAttention()",
        parameters="3 * C * m + 3 * m + 2 * C",
        multiply_adds="2 * (H + W) * C * m + (H + W) * m + 2 * H * W * C",
        symbols={"m": "max(8, C // 32)"},
        gain="ImageNet top-1 accuracy of MobileNetV2 72.3 → 74.3",
        layouts=("official", "mbv2_ca", "timm"),
    )

    def __init__(
        self,
        reduction: int = 32,
        *,
        hidden_units: int | None = None,
        min_units: int = 8,
        activation: Activation = "hard_silu",
        use_bias: bool = True,
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
        self.min_units = validation.positive_integer("min_units", min_units)
        self.activation = validation.activation("activation", activation)
        self.use_bias = validation.boolean("use_bias", use_bias)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = self.hidden_units or max(
            self.min_units, channels // self.reduction
        )
        bias = {"use_bias": self.use_bias}
        self.reduce = self._dense("reduce", hidden, channels, **bias)
        self.norm = self._batch_norm(
            "norm", hidden, data_formats.any_rank_axis(self.data_format)
        )
        self.expand_rows = self._dense("expand_rows", channels, hidden, **bias)
        self.expand_columns = self._dense(
            "expand_columns", channels, hidden, **bias
        )

    def compute_attention(self, x, training=None):
        rows, columns = data_formats.spatial_axes(self.data_format, 4)
        # The means of rows, then those of columns, along one axis.
        along = 3 - self._vector_axis
        z = ops.concatenate(
            [
                reductions.upcast_mean(x, (columns,)),
                reductions.upcast_mean(x, (rows,)),
            ],
            axis=along,
        )
        z = calls.pointwise_batch_norm(
            self.reduce,
            self.norm,
            precision.upcast_float16(z),
            training,
            self._vector_axis,
        )
        z = elementwise.activate(self.activation, z)
        height = reshaping.shape(x)[rows]
        of_rows, of_columns = (
            (z[:, :height], z[:, height:])
            if along == 1
            else (z[:, :, :height], z[:, :, height:])
        )
        return {
            "height": self._gate(self.expand_rows, of_rows, x, columns),
            "width": self._gate(self.expand_columns, of_columns, x, rows),
        }

    def _gate(self, expand, z, x, pooled_axis):
        """Return the gate of rows or columns, to multiply the map `x`."""
        gate = elementwise.sigmoid(
            calls.pointwise(expand, z, self._vector_axis)
        )
        return reshaping.gate_of_channels(gate, x, (pooled_axis,))

    def apply_attention(self, x, attention):
        return x * attention["width"] * attention["height"]

    def compute_attention_shape(self, input_shape):
        height, width = list(input_shape), list(input_shape)
        rows, columns = data_formats.spatial_axes(self.data_format, 4)
        height[columns] = width[rows] = 1
        return {"height": tuple(height), "width": tuple(width)}

    @property
    def _vector_axis(self) -> int:
        """Return the axis of channels in the vectors of rows and columns."""
        return data_formats.channel_axis(self.data_format, 3)
