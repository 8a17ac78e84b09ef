"""Triplet attention (Misra et al., 2021)."""

import functools
import operator
from typing import Unpack

import keras

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.mixed._pooled_gate import PooledGate


@keras.saving.register_keras_serializable(package="keras_attention")
class TripletAttention(Attention, KernelLayer):
    r"""Triplet attention: three gates, each of two of the axes of a map.

    .. math::

        g_a = \sigma\Bigl(\mathrm{BN}_a\bigl(w_a * [\max_a x;\,
        \operatorname{mean}_a x]\bigr)\Bigr), \qquad
        y = \tfrac{1}{3}\, (g_C + g_H + g_W)\, x

    where :math:`a` is the axis that is pooled: the channels :math:`C`, the
    height :math:`H` or the width :math:`W`. :math:`w_a` is a convolution with
    a kernel of :math:`k \times k` weights for the maximum and as many for the
    mean, which moves along the two axes that are left, :math:`\mathrm{BN}` is
    batch normalization, and :math:`\sigma` the logistic sigmoid. :math:`g_C` is
    a gate of positions. :math:`g_W` is a gate of rows and channels, and
    :math:`g_H` one of columns and channels, which depend on :math:`k` adjacent
    channels.

    In a residual network the layer is inserted after the last batch
    normalization of a branch, before the addition. The number of its weights
    does not depend on the number of channels.

    Args:
        kernel_size: Side :math:`k` of the square kernels.
        use_spatial: Whether the gate :math:`g_C` of positions exists. Without
            it the output is the mean of two gated maps.
        kernel_initializer: Initializer of all kernels. The default is
            PyTorch's, uniform within :math:`\pm 1 / \sqrt{2 k^2}`.
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
        The input shape. `attention` is a dictionary: under `"height"` the gate
        :math:`g_W`, of the input shape with width 1, under `"width"` the gate
        :math:`g_H`, of the input shape with height 1, and with
        `use_spatial=True` under `"spatial"` the gate :math:`g_C`, of the input
        shape with one channel.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 6, 64))
    >>> layer = keras_attention.TripletAttention()
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape)
    (2, 8, 6, 64)
    >>> tuple(attention["height"].shape), tuple(attention["width"].shape)
    ((2, 8, 1, 64), (2, 1, 6, 64))
    >>> tuple(attention["spatial"].shape)
    (2, 8, 6, 1)

    Reference:
        `Rotate to Attend: Convolutional Triplet Attention Module
        <https://arxiv.org/abs/2010.03045>`_, equations 4 to 6.

    Note:
        As in the authors' code, batch normalization updates its moving
        statistics by 1 percent of those of a batch, and equal maxima share the
        gradient, which PyTorch gives to one of them.
    """

    card = Card(
        operation=(
            "scales positions, and the rows and the columns of each channel"
        ),
        insertion="at the end of a residual branch",
        limits=(
            "It pools and gates the map once for each of three branches, "
            "where `SpatialAttention` does so once."
        ),
        papers=("2010.03045",),
        attention={"height": "rows", "width": "columns", "spatial": "spatial"},
        short_names=("triplet",),
        call="TripletAttention()",
        parameters="3 * (2 * k**2 + 2)",
        multiply_adds="2 * k**2 * (H * W + H * C + W * C) + H * W * C",
        symbols={"k": "7"},
        gain="ImageNet top-1 accuracy of ResNet-50 up by 2.04",
        layouts=("official", "triplet_attention"),
    )

    def __init__(
        self,
        kernel_size: int = 7,
        *,
        use_spatial: bool = True,
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
        self.kernel_size = validation.positive_integer(
            "kernel_size", kernel_size
        )
        self.use_spatial = validation.boolean("use_spatial", use_spatial)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        self._channels(input_shape)
        self.height = self._gate("height", input_shape)
        self.width = self._gate("width", input_shape)
        if self.use_spatial:
            self.spatial = self._gate("spatial", input_shape)

    def _gate(self, name: str, input_shape) -> PooledGate:
        """Return a new gate, built."""
        gate = PooledGate(
            self.kernel_size,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            data_format=self.data_format,
            dtype=self.dtype_policy,
            name=name,
        )
        gate.build(input_shape)
        return gate

    def compute_attention(self, x, training=None):
        rows, columns = data_formats.spatial_axes(self.data_format, 4)
        last = self.data_format == "channels_last"
        # The kernels move along height and channels, channels and width, and
        # height and width.
        attention = {
            "height": self.height.call(x, columns, training, swap=not last),
            "width": self.width.call(x, rows, training, swap=last),
        }
        if self.use_spatial:
            channels = data_formats.channel_axis(self.data_format, 4)
            attention["spatial"] = self.spatial.call(x, channels, training)
        return attention

    def apply_attention(self, x, attention):
        gates = [gate * (1 / len(attention)) for gate in attention.values()]
        return x * functools.reduce(operator.add, gates)

    def compute_attention_shape(self, input_shape):
        shape = tuple(input_shape)
        rows, columns = data_formats.spatial_axes(self.data_format, 4)
        shapes = {
            "height": (*shape[:columns], 1, *shape[columns + 1 :]),
            "width": (*shape[:rows], 1, *shape[rows + 1 :]),
        }
        if self.use_spatial:
            shapes["spatial"] = data_formats.with_channels(
                shape, 1, self.data_format
            )
        return shapes
