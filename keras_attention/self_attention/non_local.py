"""Non-local block (Wang et al., 2018)."""

import math
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
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import products
from keras_attention.ops import reductions
from keras_attention.ops import reshaping
from keras_attention.ops import resizing
from keras_attention.self_attention._merged import merged
from keras_attention.self_attention._merged import position_count

MODES = ("embedded_gaussian", "gaussian", "dot_product", "concatenation")


@keras.saving.register_keras_serializable(package="keras_attention")
class NonLocal(Attention, KernelLayer):
    r"""Non-local block: adds to each position a weighted sum of all positions.

    .. math::

        y_p = x_p + W \sum_q A_{p,q}\, g_q

    where the queries :math:`\theta`, the keys :math:`\phi` and the values
    :math:`g` are 1x1 convolutions of the input :math:`x`, and :math:`W` is
    another one. The weights depend on `mode`:

    * `"embedded_gaussian"`: :math:`A_{p,q} = \operatorname{softmax}_q(s\,
      \theta_p \cdot \phi_q)`, where :math:`s` is one over the root of the
      number of channels of :math:`\theta`, or 1 without `scale`;
    * `"gaussian"`: :math:`A_{p,q} = \operatorname{softmax}_q(x_p \cdot x_q)`;
    * `"dot_product"`: :math:`A_{p,q} = \theta_p \cdot \phi_q / N` for
      the number :math:`N` of positions :math:`q`;
    * `"concatenation"`: :math:`A_{p,q} = \operatorname{ReLU}(w \cdot
      [\theta_p, \phi_q]) / N`, where :math:`w` is a vector of weights.

    With `pool_size`, :math:`q` runs over blocks of positions, and
    :math:`\phi_q` and :math:`g_q` are their maxima.

    :math:`W` is zero at first, or the scale of the normalization after it, so
    that the layer is the identity then.

    The attention has a weight for each pair of positions. Unless it is asked
    for, `"dot_product"` computes no weights, and in the first two modes PyTorch
    and JAX have a part of them in memory at a time, and compute them again for
    the gradient. `pool_size` reduces the number of weights in every mode.

    Args:
        reduction: Integer :math:`\ge 1`: queries, keys and values have
            `max(1, channels // reduction)` channels.
        hidden_units: Number of channels of queries, keys and values; overrides
            `reduction`.
        mode: `"embedded_gaussian"`, `"gaussian"`, `"dot_product"` or
            `"concatenation"`.
        scale: Whether the mode `"embedded_gaussian"` scales its products. The
            other modes do not.
        pool_size: Integer :math:`\ge 1`: keys and values are maxima of blocks
            of so many rows and columns. Rows and columns after the last whole
            block are left out. In volumes, the first axis is not pooled.
        use_norm: Whether batch normalization follows :math:`W`.
        kernel_initializer: Initializer of all kernels but that of :math:`W`
            without a normalization, which is zero. The default is PyTorch's,
            uniform within :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of all kernels.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor with one batch axis, one channel axis and one, two or
            three spatial axes. The number of channels must be known.
        training: Whether batch normalization uses the statistics of the batch
            and updates its moving statistics.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, *spatial, channels)` if `data_format="channels_last"`,
        `(batch, channels, *spatial)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is :math:`A`, `(batch, positions, blocks)`
        in either data format, with positions and blocks row by row. Without
        pooling each block is one position.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 16))
    >>> layer = keras_attention.NonLocal(pool_size=2)
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape), tuple(attention.shape)
    ((2, 8, 8, 16), (2, 64, 16))

    Reference:
        `Non-local Neural Networks <https://arxiv.org/abs/1711.07971>`_,
        section 3.

    Note:
        The paper has no `scale`; it is that of MMCV, and of timm with the
        number of channels of the input. A map that is smaller than a block
        is one block; the published code raises an error. Biases are
        initialized to zero; PyTorch initializes them like the kernels. In the
        softmax modes the bias of the keys has no effect, as it adds the same to
        all products of a query. The gradient of the mode `"concatenation"` is
        that of the equation: MMCV divides in place, and has none.
    """

    card = Card(
        operation="adds to each position a weighted sum of all positions",
        insertion="after a residual block of the middle stages",
        limits=(
            "Time grows with the square of the number of positions: on large "
            'maps set `pool_size=2` or `mode="dot_product"`.'
        ),
        papers=("1711.07971",),
        attention="position pairs",
        short_names=("nl",),
        call="NonLocal()",
        parameters="4 * C * q + 3 * q + C",
        multiply_adds="4 * H * W * C * q + 2 * (H * W)**2 * q",
        symbols={"q": "C // 2"},
        layouts=("mmcv", "timm", "non-local_pytorch"),
    )

    def __init__(
        self,
        reduction: int = 2,
        *,
        hidden_units: int | None = None,
        mode: str = "embedded_gaussian",
        scale: bool = True,
        pool_size: int = 1,
        use_norm: bool = False,
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
        self.mode = validation.one_of("mode", mode, MODES)
        self.scale = validation.boolean("scale", scale)
        self.pool_size = validation.positive_integer("pool_size", pool_size)
        self.use_norm = validation.boolean("use_norm", use_norm)
        self.input_spec = keras.layers.InputSpec(min_ndim=3, max_ndim=5)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = validation.units(channels, self.reduction, self.hidden_units)
        if self.mode != "gaussian":
            self.query = self._dense("query", hidden, channels)
            self.key = self._dense("key", hidden, channels)
        self.value = self._dense("value", hidden, channels)
        if self.mode == "concatenation":
            self.score = self.add_weight(
                (2 * hidden, 1),
                self._new_initializer(),
                regularizer=self.kernel_regularizer,
                name="score",
            )
        if self.use_norm:
            self.expand = self._dense("expand", channels, hidden)
            self.norm = self._batch_norm(
                "norm",
                channels,
                data_formats.any_rank_axis(self.data_format),
                gamma_initializer="zeros",
            )
        else:
            self.expand = self._dense(
                "expand", channels, hidden, kernel_initializer="zeros"
            )

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        z, axis = merged(x, self.data_format)
        size = data_formats.spatial_size(reshaping.shape(x), self.data_format)
        query, key = self._queries_and_keys(z, size, axis)
        value = self._pooled(calls.pointwise(self.value, z, axis), size)
        attention = None
        if return_attention or self.mode == "concatenation":
            attention = self._weights(query, key, axis)
        if self.mode == "dot_product":
            # The same sums with and without the attention.
            z = products.attend_linearly(query, key, value, axis=axis)
        elif attention is None:
            z = products.attend(query, key, value, axis=axis)
        else:
            z = products.weighted_sums(value, attention, axis=axis)
        if self.use_norm:
            z = calls.pointwise_batch_norm(
                self.expand, self.norm, z, training, axis
            )
        else:
            z = calls.pointwise(self.expand, z, axis)
        outputs = x + reshaping.reshape(
            precision.cast(z, x.dtype), reshaping.shape(x)
        )
        if attention is not None:
            attention = precision.cast(attention, x.dtype)
        return self._outputs(outputs, attention, return_attention)

    def compute_attention_shape(self, input_shape):
        count = position_count(input_shape, self.data_format)
        size = data_formats.spatial_size(input_shape, self.data_format)
        blocks = None
        if count is not None:
            blocks = math.prod(resizing.block_counts(size, self.pool_size))
        return (input_shape[0], count, blocks)

    def _queries_and_keys(self, z, size, axis: int):
        """Return the queries and keys, with the factors of their products."""
        if self.mode == "gaussian":
            return z, self._pooled(z, size)
        is_softmax = self.mode == "embedded_gaussian"
        query = calls.pointwise(self.query, z, axis)
        # A softmax is the same for any bias of the keys.
        key = calls.pointwise(self.key, z, axis, is_biased=not is_softmax)
        key = self._pooled(key, size)
        if is_softmax and self.scale:
            query = query * query.shape[axis] ** -0.5
        elif self.mode == "dot_product":
            key = key / self._count(key, axis)
        return query, key

    def _weights(self, query, key, axis: int):
        """Return the weights of all pairs of positions."""
        if self.mode == "dot_product":
            return products.pair_products(query, key, axis=axis)
        if self.mode != "concatenation":
            return products.pair_weights(query, key, axis=axis)
        # A sum of two numbers for each pair, not a product of two vectors.
        of_query, of_key = ops.split(precision.cast(self.score, query.dtype), 2)
        count = self._count(key, axis)
        if axis == 1:
            query = ops.swapaxes(query, 1, 2)
        else:
            key = ops.swapaxes(key, 1, 2)
        queries = products.pointwise(query, of_query, None, axis=2)
        keys = products.pointwise(key, of_key, None, axis=1)
        return elementwise.relu(queries + keys) / count

    def _count(self, key, axis: int):
        """Return the number of keys, in their dtype."""
        return precision.cast(
            reductions.reduced_size(key, (3 - axis,)), key.dtype
        )

    def _pooled(self, z, size):
        """Return the maxima of blocks of a map of this size, if it pools."""
        if self.pool_size == 1:
            return z
        return resizing.block_max_pool(
            z, size, self.pool_size, data_format=self.data_format
        )
