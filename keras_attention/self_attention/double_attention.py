"""Double attention, A2-Nets (Chen et al., 2018)."""

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
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import precision
from keras_attention.ops import products
from keras_attention.ops import reductions
from keras_attention.ops import reshaping
from keras_attention.self_attention._merged import merged
from keras_attention.self_attention._merged import position_count


@keras.saving.register_keras_serializable(package="keras_attention")
class DoubleAttention(Attention, KernelLayer):
    r"""Double attention: gathers features of the map, and distributes them.

    .. math::

        B = \operatorname{softmax}_p(\phi_{p,k}), \qquad
        V = \operatorname{softmax}_k(\psi_{p,k}), \qquad
        z_p = \sum_k V_{p,k} \sum_q B_{q,k}\, a_q, \qquad
        y_p = x_p + W z_p + b

    where :math:`a`, :math:`\phi` and :math:`\psi` are 1x1 convolutions of the
    input :math:`x` to `hidden_units`, and twice to `attention_units`, channels.
    Each unit :math:`k` gathers one vector of features from all positions
    :math:`q`, and each position :math:`p` takes its share of these vectors. In
    contrast to `keras_attention.PositionAttention`, no array has the size of
    all pairs of positions. The input can have any number of spatial axes.

    Args:
        reduction: Integer :math:`\ge 1`. `hidden_units` and `attention_units`
            are `max(1, channels // reduction)` by default.
        hidden_units: Number of channels of the features :math:`a`.
        attention_units: Number of units :math:`k`.
        residual: Whether to add the input :math:`x`.
        kernel_initializer: Initializer of all kernels. The default is
            PyTorch's, uniform within :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of all kernels.
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
        The input shape. `attention` is a dictionary: under `"gather"` the
        weights :math:`B`, under `"distribute"` the weights :math:`V`, both
        `(batch, positions, attention_units)` in either data format.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.DoubleAttention()
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape)
    (2, 8, 8, 64)
    >>> tuple(attention["gather"].shape)
    (2, 64, 16)

    Reference:
        `A2-Nets: Double Attention Networks
        <https://arxiv.org/abs/1810.11579>`_, section 3.

    Note:
        The softmaxes are those of the paper. Widely used PyTorch code takes
        both over the samples of the batch, or over the same axis, and does not
        add the input; weights that were trained so give other results here.
        Biases are initialized to zero; PyTorch initializes them like the
        kernels.
    """

    card = Card(
        operation="gathers features of the map, and distributes them",
        insertion="between residual blocks of the later stages",
        limits=(
            "It has four convolutions of C² / 4 weights each. A gate of "
            "channels is cheaper."
        ),
        papers=("1810.11579",),
        attention={"gather": "units", "distribute": "units"},
        short_names=("a2", "double"),
        call="DoubleAttention(4)",
        parameters="4 * C * (C // 4) + 3 * (C // 4) + C",
        multiply_adds="H * W * (4 * C * (C // 4) + 2 * (C // 4)**2)",
        layouts=("external-attention-pytorch", "pytorch-attention"),
    )

    def __init__(
        self,
        reduction: int = 4,
        *,
        hidden_units: int | None = None,
        attention_units: int | None = None,
        residual: bool = True,
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
        self.attention_units = validation.optional_positive_integer(
            "attention_units", attention_units
        )
        self.residual = validation.boolean("residual", residual)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = validation.units(channels, self.reduction, self.hidden_units)
        units = validation.units(channels, self.reduction, self.attention_units)
        self.feature = self._dense("feature", hidden, channels)
        self.gather = self._dense("gather", units, channels)
        self.distribute = self._dense("distribute", units, channels)
        self.expand = self._dense("expand", channels, hidden)

    def compute_attention(self, x, training=None):
        z, axis = merged(x, self.data_format)
        # The bias does not change a softmax over positions.
        gather = calls.pointwise(self.gather, z, axis, is_biased=False)
        distribute = calls.pointwise(self.distribute, z, axis)
        attention = {
            "gather": reductions.softmax(gather, 3 - axis),
            "distribute": reductions.softmax(distribute, axis),
        }
        return {
            key: precision.cast(
                reshaping.to_channels_last(weights, self.data_format), x.dtype
            )
            for key, weights in attention.items()
        }

    def apply_attention(self, x, attention):
        gather, distribute = map(
            precision.upcast, (attention["gather"], attention["distribute"])
        )
        z, axis = merged(x, self.data_format)
        z = calls.pointwise(self.feature, z, axis)
        z = products.weighted_sums(z, ops.swapaxes(gather, 1, 2), axis=axis)
        z = products.weighted_sums(z, distribute, axis=axis)
        z = precision.cast(calls.pointwise(self.expand, z, axis), x.dtype)
        outputs = reshaping.reshape(z, reshaping.shape(x))
        return x + outputs if self.residual else outputs

    def compute_attention_shape(self, input_shape):
        channels = data_formats.channel_count(input_shape, self.data_format)
        units = validation.units(channels, self.reduction, self.attention_units)
        count = position_count(input_shape, self.data_format)
        shape = (input_shape[0], count, units)
        return {"gather": shape, "distribute": shape}
