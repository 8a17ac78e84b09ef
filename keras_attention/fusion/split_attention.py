"""Split attention of ResNeSt (Zhang et al., 2020)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.conv_norm import ConvNormReLU
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.fusion import _branches
from keras_attention.fusion._grouped_dense import GroupedDense
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class SplitAttention(Attention, KernelLayer):
    r"""Split attention of ResNeSt: weighs the splits of a convolution.

    .. math::

        u = \mathrm{relu}(\mathrm{BN}_0(w * x)), \qquad
        z = \mathrm{relu}\Bigl(\mathrm{BN}_1\bigl(W_1 \tfrac{1}{|S|}
        \textstyle\sum_{p \in S} \sum_r u_{r,p} + b_1\bigr)\Bigr), \qquad
        a_{r,c} = \frac{e^{l_{r,c}}}{\sum_q e^{l_{q,c}}}, \quad
        l = W_2 z + b_2, \qquad
        y_{p,c} = \sum_r a_{r,c}\, u_{r,p,c}

    where :math:`w *` is one convolution to :math:`R` splits :math:`u_1, \dots,
    u_R` of `filters` channels, :math:`\mathrm{BN}` is batch normalization and
    :math:`S` is the set of spatial positions of the output. With :math:`R = 1`
    :math:`a` is the logistic sigmoid of :math:`l`.

    The convolution has :math:`R` times as many groups as `groups`, so that each
    split is computed from its own share of the input channels. :math:`W_1` and
    :math:`W_2` are in `groups`. The layer replaces the middle convolution of a
    bottleneck block, with its batch normalization and ReLU.

    Args:
        filters: Number of output channels.
        radix: Number :math:`R` of splits.
        groups: Number of groups, the cardinality of the paper.
        kernel_size: Side of the square window of :math:`w`, before dilation.
        strides: Step of the convolution in both directions.
        dilation_rate: Dilation of the convolution.
        reduction: Integer :math:`r \ge 1`: :math:`z` has `max(channels * radix
            // reduction, min_units)` values, from the number of input channels.
        hidden_units: Number of values of :math:`z`; overrides `reduction` and
            `min_units`.
        min_units: Minimum number of values of :math:`z`.
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
        The input shape with `filters` channels, height and width divided by
        `strides`, rounded up. `attention` is :math:`a`, of shape
        `(batch, radix, filters)` in either data format. It sums to 1 over the
        splits if there are several.

    Raises:
        ValueError: If an argument is not as described above, if `groups` does
            not divide `filters` and the number of values of :math:`z`, or if
            the input has another rank, or a number of channels that is unknown
            or that `groups * radix` does not divide.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.SplitAttention(128, strides=2)
    >>> tuple(layer(x).shape)
    (2, 4, 4, 128)
    >>> tuple(layer.attention(x).shape)
    (2, 2, 128)

    Reference:
        `ResNeSt: Split-Attention Networks <https://arxiv.org/abs/2004.08955>`_,
        equations 1 to 3.

    Note:
        The arrangement of channels is that of the authors' networks, whose
        convolution has its channels in the order of splits, then groups, and
        :math:`W_2` in the order of groups, then splits. Zero padding is
        symmetric, as in PyTorch; `padding="same"` with a stride is not.
        :math:`\mathrm{BN}_1` has one vector per sample as input. In training on
        batches of one sample, :math:`z` is therefore constant; PyTorch raises
        an error in this case. Biases are initialized to zero; PyTorch
        initializes them like the kernels.
    """

    card = Card(
        operation="weights the splits of a grouped convolution per channel",
        insertion="in place of the middle convolution of a bottleneck",
        limits=(
            "It replaces a convolution, so it cannot be attached to a trained "
            "network. Batch normalization of the hidden units needs batches "
            "of several images in training."
        ),
        papers=("2004.08955",),
        attention="branches",
        short_names=("splat",),
        call="SplitAttention(F)",
        parameters="9 * C * F + 3 * F * h + 6 * F + 3 * h",
        multiply_adds="H * W * (9 * C * F + 2 * F) + 3 * F * h",
        symbols={"h": "max(C // 2, 32)"},
        gain="ImageNet top-1 accuracy 81.13 (ResNeSt-50)",
        layouts=("official", "timm"),
    )

    def __init__(
        self,
        filters: int,
        *,
        radix: int = 2,
        groups: int = 1,
        kernel_size: int = 3,
        strides: int = 1,
        dilation_rate: int = 1,
        reduction: int = 4,
        hidden_units: int | None = None,
        min_units: int = 32,
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
        self.filters = validation.positive_integer("filters", filters)
        self.radix = validation.positive_integer("radix", radix)
        self.groups = validation.positive_integer("groups", groups)
        self.kernel_size = validation.positive_integer(
            "kernel_size", kernel_size
        )
        self.strides = validation.positive_integer("strides", strides)
        self.dilation_rate = validation.positive_integer(
            "dilation_rate", dilation_rate
        )
        self.reduction = validation.positive_integer("reduction", reduction)
        self.hidden_units = validation.optional_positive_integer(
            "hidden_units", hidden_units
        )
        self.min_units = validation.positive_integer("min_units", min_units)
        for name in ("filters", "hidden_units"):
            number = getattr(self, name) or 0
            validation.divides("groups", self.groups, number, f"`{name}`")
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        if channels % (self.groups * self.radix):
            raise ValueError(
                f"`groups * radix` must divide the {channels} channels. "
                f"Received: groups={self.groups}, radix={self.radix}, "
                f"input_shape={tuple(input_shape)}"
            )
        hidden = self.hidden_units or max(
            channels * self.radix // self.reduction, self.min_units
        )
        validation.divides(
            "groups", self.groups, hidden, "the number of hidden units"
        )
        self.splits = ConvNormReLU(
            self.radix * self.filters,
            kernel_size=self.kernel_size,
            strides=self.strides,
            dilation_rate=self.dilation_rate,
            groups=self.groups * self.radix,
            use_bias=False,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            data_format=self.data_format,
            dtype=self.dtype_policy,
            name="splits",
        )
        self.splits.build(input_shape)
        self.squeeze = self._grouped("squeeze", hidden, self.filters)
        self.squeeze_norm = self._batch_norm("squeeze_norm", hidden)
        # The logits of all splits: those of the first group come first.
        self.select = self._grouped("select", self.radix * self.filters, hidden)

    def call(self, x, training=None, return_attention=False):
        u = self.splits.call(self._as_float(x), training=training)
        attention = self._select(u, training)
        outputs = self.apply_attention(u, attention)
        return self._outputs(outputs, attention, return_attention)

    def apply_attention(self, u, attention):
        """Return the sum of the splits `u`, weighted by `attention`."""
        splits = [u]
        if self.radix > 1:
            axis = data_formats.channel_axis(self.data_format, 4)
            splits = ops.split(u, self.radix, axis=axis)
        return _branches.weighted_sum(splits, attention, self.data_format)

    def compute_output_shape(self, input_shape):
        return data_formats.strided(
            input_shape, self.filters, self.strides, self.data_format
        )

    def compute_attention_shape(self, input_shape):
        return (input_shape[0], self.radix, self.filters)

    def _select(self, u, training):
        """Return the weights of the splits, a softmax for each channel."""
        axes = data_formats.spatial_axes(self.data_format, 4)
        means = precision.upcast_float16(reductions.upcast_mean(u, axes))
        s = ops.sum(
            reshaping.reshape(means, (-1, self.radix, self.filters)), axis=1
        )
        z = self.squeeze_norm.call(
            self._product(self.squeeze, s), training=training
        )
        logits = self._product(self.select, elementwise.relu(z))
        sizes = (-1, self.groups, self.radix, self.filters // self.groups)
        logits = ops.swapaxes(reshaping.reshape(logits, sizes), 1, 2)
        logits = reshaping.reshape(logits, (-1, self.radix, self.filters))
        if self.radix == 1:
            weights = elementwise.sigmoid(logits)
        else:
            weights = reductions.softmax(logits, 1)
        return precision.cast(weights, u.dtype)

    def _product(self, layer, x):
        """Return the result of a dense layer, in groups if there are any."""
        return calls.dense(layer, x) if self.groups == 1 else layer.call(x)

    def _grouped(self, name: str, units: int, inputs: int):
        """Return a new dense layer, grouped if `groups > 1`, built."""
        if self.groups == 1:
            return self._dense(name, units, inputs)
        layer = GroupedDense(
            units,
            groups=self.groups,
            data_format=self.data_format,
            **self._kernel(name),
        )
        layer.build((None, inputs))
        return layer
