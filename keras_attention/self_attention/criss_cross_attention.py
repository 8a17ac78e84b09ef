"""Criss-cross attention, CCNet (Huang et al., 2019)."""

from typing import Unpack

import keras
import numpy as np
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


@keras.saving.register_keras_serializable(package="keras_attention")
class CrissCrossAttention(Attention, KernelLayer):
    r"""Criss-cross attention: adds a mean of each position's row and column.

    .. math::

        A_p = \operatorname{softmax}_{q \in S_p}(\theta_p \cdot \phi_q),
        \qquad
        y_p = \gamma \sum_{q \in S_p} A_{p,q}\, g_q + x_p

    where :math:`S_p` are the positions in the row and in the column of
    :math:`p`, itself once, and the queries :math:`\theta`, the keys
    :math:`\phi` and the values :math:`g` are 1x1 convolutions of the input
    :math:`x`. The layer is applied `recurrence` times with the same weights:
    after two times each position has seen all others. The weight
    :math:`\gamma` is zero at first, so that the layer is the identity then.

    There are :math:`H + W` weights for each of the :math:`HW` positions, in
    contrast to the :math:`HW` of `keras_attention.PositionAttention`, and no
    array is larger.

    Args:
        reduction: Integer :math:`\ge 1`: queries and keys have
            `max(1, channels // reduction)` channels.
        hidden_units: Number of channels of queries and keys; overrides
            `reduction`.
        recurrence: Integer :math:`\ge 1`: how many times the layer is applied.
        kernel_initializer: Initializer of all kernels. The default is
            PyTorch's, uniform within :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of all kernels.
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
        The input shape. `attention` is a dictionary, in either data format:
        under `"height"` the weights of the rows of the own column, `(batch,
        height, width, height)`, under `"width"` those of the columns of the own
        row, `(batch, height, width, width)`. The own position is counted under
        `"width"`, and zero under `"height"`. They are those of the last time.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 6, 8, 16))
    >>> layer = keras_attention.CrissCrossAttention()
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape)
    (2, 6, 8, 16)
    >>> tuple(attention["height"].shape), tuple(attention["width"].shape)
    ((2, 6, 8, 6), (2, 6, 8, 8))

    Reference:
        `CCNet: Criss-Cross Attention for Semantic Segmentation
        <https://arxiv.org/abs/1811.11721>`_, section 3.2.

    Note:
        Biases are initialized to zero; PyTorch initializes them like the
        kernels. The bias of the keys has no effect, as it adds the same to all
        products of a query.
    """

    card = Card(
        operation="adds to each position a mean of its row and its column",
        insertion="at the end of a segmentation network, on its last map",
        limits=(
            "It takes `recurrence` times the time of one pass. On small maps "
            "`PositionAttention` is as cheap, and direct."
        ),
        papers=("1811.11721",),
        attention={"height": "column pairs", "width": "row pairs"},
        short_names=("cca", "criss_cross"),
        call="CrissCrossAttention()",
        parameters="2 * (C + 1) * q + C**2 + C + 1",
        multiply_adds=(
            "2 * H * W * (2 * C * q + C**2 + C + (H + W - 1) * (C + q))"
        ),
        symbols={"q": "C // 8"},
        layouts=("official", "mmcv"),
    )

    def __init__(
        self,
        reduction: int = 8,
        *,
        hidden_units: int | None = None,
        recurrence: int = 2,
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
        self.recurrence = validation.positive_integer("recurrence", recurrence)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = validation.units(channels, self.reduction, self.hidden_units)
        self.query = self._dense("query", hidden, channels)
        self.key = self._dense("key", hidden, channels)
        self.value = self._dense("value", channels, channels)
        self.gamma = self._precise_vector("gamma", 1, "zeros")

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        z = reshaping.to_channels_last(precision.upcast(x), self.data_format)
        gamma = precision.cast(self.gamma, z.dtype)
        for _ in range(self.recurrence):
            attention = self._weights(z)
            z = z + gamma * self._means(z, attention)
        outputs = reshaping.from_channels_last(z, self.data_format)
        attention = {
            key: precision.cast(weights, x.dtype)
            for key, weights in attention.items()
        }
        return self._outputs(
            precision.cast(outputs, x.dtype), attention, return_attention
        )

    def compute_attention_shape(self, input_shape):
        height, width = data_formats.spatial_size(input_shape, self.data_format)
        shape = (input_shape[0], height, width)
        return {"height": (*shape, height), "width": (*shape, width)}

    def _weights(self, z):
        """Return the weights of a channels-last map, of which one is last."""
        query = self._pointwise(self.query, z)
        key = self._pointwise(self.key, z, is_biased=False)
        width = products.matmul(query, ops.swapaxes(key, 2, 3))
        # By columns: a row of the product for each row of the map.
        columns, keys = (
            ops.swapaxes(query, 1, 2),
            ops.transpose(key, (0, 2, 3, 1)),
        )
        height = ops.swapaxes(products.matmul(columns, keys), 1, 2)
        rows = reshaping.shape(z)[1]
        index = ops.arange(rows, dtype="int32")
        own = ops.equal(index[:, None, None], index)
        height = ops.where(own, precision.cast(-np.inf, height.dtype), height)
        weights = reductions.softmax(ops.concatenate([height, width], 3), 3)
        return {"height": weights[..., :rows], "width": weights[..., rows:]}

    def _means(self, z, attention):
        """Return the weighted means of the rows and columns of the values."""
        value = self._pointwise(self.value, z)
        of_rows = products.matmul(attention["width"], value)
        of_columns = products.matmul(
            ops.swapaxes(attention["height"], 1, 2), ops.swapaxes(value, 1, 2)
        )
        return of_rows + ops.swapaxes(of_columns, 1, 2)

    def _pointwise(self, layer, z, *, is_biased=True):
        size = data_formats.spatial_size(reshaping.shape(z), "channels_last")
        merged = reshaping.merge_spatial_axes(z, "channels_last")
        outputs = calls.pointwise(layer, merged, 2, is_biased=is_biased)
        return reshaping.split_spatial_axis(outputs, size, "channels_last")
