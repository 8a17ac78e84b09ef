"""Position attention of the dual attention network (Fu et al., 2019)."""

from typing import Unpack

import keras

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import precision
from keras_attention.ops import products
from keras_attention.ops import reshaping
from keras_attention.self_attention._merged import merged
from keras_attention.self_attention._merged import position_count


@keras.saving.register_keras_serializable(package="keras_attention")
class PositionAttention(Attention, KernelLayer):
    r"""Position attention: adds to each position a mean of all positions.

    .. math::

        A_{p,q} = \frac{\exp(\theta_p \cdot \phi_q)}
                      {\sum_r \exp(\theta_p \cdot \phi_r)}, \qquad
        y_p = \gamma \sum_q A_{p,q}\, g_q + x_p

    where the queries :math:`\theta`, the keys :math:`\phi` and the values
    :math:`g` are 1x1 convolutions of the input :math:`x`. The weight
    :math:`\gamma` is zero at first, so that the layer is the identity then. The
    input can have any number of spatial axes.

    The attention has a weight for each pair of positions. Unless it is asked
    for, PyTorch and JAX have a part of the weights in memory at a time, and
    compute them again for the gradient. TensorFlow has all of them.

    Args:
        reduction: Integer :math:`\ge 1`: queries and keys have
            `max(1, channels // reduction)` channels.
        hidden_units: Number of channels of queries and keys; overrides
            `reduction`.
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
        The input shape. `attention` is :math:`A`, `(batch, positions,
        positions)` in either data format, with the positions row by row.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 16))
    >>> layer = keras_attention.PositionAttention()
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape), tuple(attention.shape)
    ((2, 8, 8, 16), (2, 64, 64))

    Reference:
        `Dual Attention Network for Scene Segmentation
        <https://arxiv.org/abs/1809.02983>`_, section 3.2.

    Note:
        The products are not scaled. Biases are initialized to zero; PyTorch
        initializes them like the kernels. The bias of the keys has no effect,
        as it adds the same to all products of a query.
    """

    card = Card(
        operation="adds to each position a mean of all positions",
        insertion="at the end of a segmentation network, on its last map",
        limits=(
            "Time grows with the square of the number of positions: on large "
            "maps use `CrissCrossAttention` or `ExternalAttention`."
        ),
        papers=("1809.02983",),
        attention="position pairs",
        short_names=("pam",),
        call="PositionAttention()",
        parameters="2 * (C + 1) * q + C**2 + C + 1",
        multiply_adds=("H * W * (2 * C * q + C**2 + C) + (H * W)**2 * (C + q)"),
        symbols={"q": "C // 8"},
        layouts=("official",),
    )

    def __init__(
        self,
        reduction: int = 8,
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
        self.query = self._dense("query", hidden, channels)
        self.key = self._dense("key", hidden, channels)
        self.value = self._dense("value", channels, channels)
        self.gamma = self._precise_vector("gamma", 1, "zeros")

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        z, axis = merged(x, self.data_format)
        query = calls.pointwise(self.query, z, axis)
        key = calls.pointwise(self.key, z, axis, is_biased=False)
        value = calls.pointwise(self.value, z, axis)
        attention = None
        if return_attention:
            attention = products.pair_weights(query, key, axis=axis)
            z = products.weighted_sums(value, attention, axis=axis)
            attention = precision.cast(attention, x.dtype)
        else:
            z = products.attend(query, key, value, axis=axis)
        z = precision.cast(precision.cast(self.gamma, z.dtype) * z, x.dtype)
        outputs = x + reshaping.reshape(z, reshaping.shape(x))
        return self._outputs(outputs, attention, return_attention)

    def compute_attention_shape(self, input_shape):
        count = position_count(input_shape, self.data_format)
        return (input_shape[0], count, count)
