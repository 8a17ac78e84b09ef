"""Resampling by predicted offsets (after Dai et al., 2017)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import reshaping
from keras_attention.ops.sample_offsets import sample_offsets

# At offsets of zero the gradient is zero, so they must not start there.
_SMALL = {"class_name": "RandomNormal", "config": {"stddev": 0.01}}


@keras.saving.register_keras_serializable(package="keras_attention")
class ConvOffset2D(Attention, KernelLayer):
    r"""Resampling of each channel at offsets predicted by a convolution.

    .. math::

        \Delta = w * x, \qquad
        y_{i,j,c} = x_c\bigl((i, j) + \Delta_{i,j,c}\bigr)

    where :math:`w * x` is a convolution from :math:`C` channels to :math:`2C`
    that keeps the size of the map (zero padding, no bias), and :math:`x_c(q)`
    is a channel read bilinearly at a position in pixels, clamped to the border:
    `keras_attention.ops.sample_offsets`. The layer is inserted before an
    ordinary convolution, whose windows it deforms.

    Args:
        kernel_size: Side of the square window of :math:`w`.
        offset_layout: Order of :math:`\Delta` in the :math:`2C` maps. With
            `"paired"`, map :math:`2c` holds the row offsets of channel
            :math:`c` and map :math:`2c + 1` its column offsets. `"scrambled"`
            is the order of the reference implementation, needed for its
            weights: the two maps, flattened and concatenated, are read as a
            sequence of pairs.
        kernel_initializer: Initializer of :math:`w`. With zeros the layer could
            not learn, as the gradient is zero at whole pixels.
        kernel_regularizer: Regularizer of :math:`w`.
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
        The input shape. `attention` is the offsets :math:`\Delta`, of the input
        shape and an axis of :math:`(\Delta_y, \Delta_x)` in pixels after it.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 16))
    >>> layer = keras_attention.ConvOffset2D()
    >>> tuple(layer(x).shape)
    (2, 8, 8, 16)
    >>> tuple(layer.attention(x).shape)
    (2, 8, 8, 16, 2)

    Reference:
        `Deformable Convolutional Networks <https://arxiv.org/abs/1703.06211>`_,
        in the form of https://github.com/oeway/pytorch-deform-conv. The
        convolution of the paper is `keras_attention.DeformableConv2D`, which
        has offsets for each tap, not for each channel.

    Note:
        The reference implementation clamps rows and columns to the height. This
        layer clamps each to its own axis, which is equivalent on square maps.
    """

    card = Card(
        operation="resamples each pixel of each channel by predicted offsets",
        insertion="before a convolution",
        limits=(
            "It resamples the map of each channel by other offsets, and does "
            "not convolve the result: `DeformableConv2D` is the later layer."
        ),
        papers=("1703.06211",),
        attention="pixel offsets",
        call="ConvOffset2D()",
        parameters="2 * k**2 * C**2",
        multiply_adds="2 * k**2 * H * W * C**2 + 4 * H * W * C",
        symbols={"k": "3"},
        layouts=("pytorch-deform-conv",),
    )

    def __init__(
        self,
        kernel_size: int = 3,
        *,
        offset_layout: str = "paired",
        kernel_initializer: Initializer = _SMALL,
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
        self.offset_layout = validation.one_of(
            "offset_layout", offset_layout, ("paired", "scrambled")
        )
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.offset = keras.layers.Conv2D(
            2 * channels,
            self.kernel_size,
            padding="same",
            use_bias=False,
            data_format=self.data_format,
            **self._kernel("offset"),
        )
        self.offset.build(input_shape)

    def compute_attention(self, x, training=None):
        maps = calls.conv2d(self.offset, x)
        first = self.data_format == "channels_first"
        if self.offset_layout == "paired" and not first:
            return reshaping.reshape(maps, (*reshaping.shape(x), 2))
        if not first:
            maps = ops.transpose(maps, (0, 3, 1, 2))
        batch, doubled, height, width = reshaping.shape(maps)
        channels = doubled // 2
        if self.offset_layout == "scrambled":
            pairs = reshaping.reshape(maps, (batch, channels, height, width, 2))
        else:
            pairs = reshaping.reshape(maps, (batch, channels, 2, height, width))
            pairs = ops.transpose(pairs, (0, 1, 3, 4, 2))
        return pairs if first else ops.transpose(pairs, (0, 2, 3, 1, 4))

    def apply_attention(self, x, attention):
        return sample_offsets(x, attention, data_format=self.data_format)

    def compute_attention_shape(self, input_shape):
        return (*input_shape, 2)
