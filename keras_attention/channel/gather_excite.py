"""Gather-Excite (Hu et al., 2018)."""

import dataclasses
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
from keras_attention.ops import resizing

# The numbers of strided convolutions by extent.
_EXTENTS = {0: 0, 2: 1, 4: 2, 8: 3}


@keras.saving.register_keras_serializable(package="keras_attention")
class GatherExcite(Attention, KernelLayer):
    r"""Gather-Excite (GE): gates from the context around each position.

    .. math::

        z = G_e(x), \qquad
        s = \sigma(R(E(z))), \qquad
        y_{p,c} = s_{p,c}\, x_{p,c}

    where :math:`G_e` gathers the context of every :math:`e`-th position within
    each channel, :math:`E` excites it, :math:`R` resizes the result to the size
    of the map by the nearest pixel, and :math:`\sigma` is the logistic sigmoid.

    :math:`e` is `extent`, and 0 stands for the whole map. Without parameters
    (GE-:math:`\theta^-`) :math:`G_e` is the mean over windows of :math:`2 e -
    1` positions along both axes, or over the whole map. With `parametric=True`
    (GE-:math:`\theta`) it is :math:`\log_2 e` depthwise 3x3 convolutions with a
    stride of 2, each followed by batch normalization, with ReLU between them,
    or one depthwise convolution of the whole map with batch normalization.

    :math:`E` is the identity. With `excite=True` it is :math:`W_2\,
    \mathrm{relu}(W_1 z + b_1) + b_2`, of :math:`\mathrm{relu}(z)` if
    `parametric=True` (GE-:math:`\theta^+`). `GatherExcite(excite=True)` is
    `keras_attention.SqueezeExcite(use_bias=True)`.

    In a residual network the layer is inserted after the last batch
    normalization of a branch, before the addition.

    Args:
        extent: Integer :math:`e`: 2, 4, 8, or 0 for the whole map.
        parametric: Whether :math:`G_e` has weights.
        hidden_units: Number of rows of :math:`W_1`; overrides `reduction`.
        reduction: Integer :math:`r \ge 1`: :math:`W_1` has
            `max(1, channels // reduction)` rows.
        excite: Whether :math:`E` has weights.
        kernel_initializer: Initializer of all kernels. The default is
            PyTorch's, uniform within :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of all kernels.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor of rank 4. The number of channels must be known, and,
            with `parametric=True` and `extent=0`, the height and width.
        training: Whether batch normalization, if there is any, uses the
            statistics of the batch and updates its moving statistics.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, height, width, channels)` if `data_format="channels_last"`,
        `(batch, channels, height, width)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is the gate :math:`s`, of the same shape,
        or with height and width 1 if `extent=0`.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels. With
            `parametric=True` and `extent=0`, also if its height or width is
            unknown, or differs from that of the first call.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.GatherExcite(4, parametric=True)
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 8, 8, 64)
    >>> tuple(keras_attention.GatherExcite().attention(x).shape)
    (2, 1, 1, 64)

    Reference:
        `Gather-Excite: Exploiting Feature Context in Convolutional Neural
        Networks <https://arxiv.org/abs/1810.12348>`_, section 2.

    Note:
        Windows and convolutions are centered at positions 0, :math:`e`,
        :math:`2 e` and so on, as in PyTorch; `padding="same"` with a stride is
        not. Positions beyond the edge of the map are no part of a mean. The
        ReLU before :math:`W_1` is that of the authors' networks; timm has none.
        Batch normalization of the whole map has one vector per sample as input.
        In training on batches of one sample, :math:`z` is therefore constant;
        PyTorch raises an error in this case.
    """

    card = Card(
        operation="scales channels, or single values, from gathered context",
        insertion="at the end of a residual branch",
        limits=(
            "With weights and `extent=0` it accepts maps of one size only. "
            "With an `extent`, the gate is constant within blocks and has "
            "steps between them."
        ),
        papers=("1810.12348",),
        attention="channel",
        short_names=("ge",),
        call="GatherExcite(2, parametric=True)",
        parameters="11 * C",
        multiply_adds="13 * H * W * C / 4",
        layouts=("timm", "caffe"),
    )

    def __init__(
        self,
        extent: int = 0,
        *,
        parametric: bool = False,
        hidden_units: int | None = None,
        reduction: int = 16,
        excite: bool = False,
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
        self.extent = validation.integer_of("extent", extent, _EXTENTS)
        self.parametric = validation.boolean("parametric", parametric)
        self.hidden_units = validation.optional_positive_integer(
            "hidden_units", hidden_units
        )
        self.reduction = validation.positive_integer("reduction", reduction)
        self.excite = validation.boolean("excite", excite)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self._axis = data_formats.any_rank_axis(self.data_format)
        if self.extent and self.card.attention == "channel":
            self.card = dataclasses.replace(self.card, attention="mixed")

    def build(self, input_shape):
        channels = self._channels(input_shape)
        if self.parametric and self.extent:
            self.gather = [
                self._strided(f"gather_{index}", channels)
                for index in range(_EXTENTS[self.extent])
            ]
            name_each(self, "gather")
        elif self.parametric:
            self._build_global(input_shape, channels)
        if self.excite:
            hidden = validation.units(
                channels, self.reduction, self.hidden_units
            )
            self.reduce = self._dense("reduce", hidden, channels)
            self.expand = self._dense("expand", channels, hidden)

    def compute_attention(self, x, training=None):
        z = self._gather(precision.upcast_float16(x), training)
        s = elementwise.sigmoid(self._excite(z) if self.excite else z)
        if self.extent:
            size = data_formats.spatial_size(
                reshaping.shape(x), self.data_format
            )
            # Resized after the sigmoid, which then has fewer inputs.
            s = resizing.resize_nearest(s, size, data_format=self.data_format)
        return precision.cast(s, x.dtype)

    def apply_attention(self, x, attention):
        if self.extent:
            return x * attention
        axes = data_formats.spatial_axes(self.data_format, 4)
        return reductions.scale(x, attention, axes)

    def compute_attention_shape(self, input_shape):
        if self.extent:
            return tuple(input_shape)
        return data_formats.pooled(input_shape, self.data_format)

    def _gather(self, x, training):
        """Return the context of every n-th position, or of the whole map."""
        axes = data_formats.spatial_axes(self.data_format, 4)
        if self.extent and self.parametric:
            for layer in self.gather:
                x = layer.call(x, training=training)
            return x
        if self.extent:
            means = resizing.window_means(
                precision.upcast(x), self.extent, data_format=self.data_format
            )
            return precision.cast(means, x.dtype)
        if not self.parametric:
            return reductions.upcast_mean(x, axes, keepdims=True)
        x32 = precision.upcast(x)
        kernel = precision.cast(self.kernel, x32.dtype)[:, :, 0]
        kernel = reshaping.from_channels_last(kernel[None], self.data_format)
        z = precision.cast(reductions.group_dot(x32, kernel, axes), x.dtype)
        return self.gather_norm.call(z, training=training)

    def _excite(self, z):
        """Return the context of each channel from that of all channels."""
        size = data_formats.spatial_size(reshaping.shape(z), self.data_format)
        z = reshaping.merge_spatial_axes(z, self.data_format)
        z = elementwise.relu(z) if self.parametric else z
        z = elementwise.relu(calls.pointwise(self.reduce, z, self._axis))
        z = calls.pointwise(self.expand, z, self._axis)
        return reshaping.split_spatial_axis(z, size, self.data_format)

    def _strided(self, name: str, channels: int) -> ConvNormReLU:
        """Return a new depthwise convolution with a stride of 2, built."""
        layer = ConvNormReLU(
            channels,
            kernel_size=3,
            strides=2,
            dilation_rate=1,
            groups=channels,
            use_bias=False,
            use_relu=name != f"gather_{_EXTENTS[self.extent] - 1}",
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            data_format=self.data_format,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build(
            data_formats.with_channels((None,) * 4, channels, self.data_format)
        )
        return layer

    def _build_global(self, input_shape, channels: int) -> None:
        """Make the weights of the convolution of the whole map."""
        size = data_formats.spatial_size(input_shape, self.data_format)
        if None in size:
            raise ValueError(
                "Height and width must be known if `parametric=True` and "
                f"`extent=0`. Received: input_shape={tuple(input_shape)}"
            )
        self.input_spec = keras.layers.InputSpec(
            ndim=4, axes=dict(enumerate(input_shape[1:], 1))
        )
        self.kernel = self.add_weight(
            (*size, 1, channels),
            self._new_initializer(),
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.gather_norm = self._batch_norm("gather_norm", channels, self._axis)
