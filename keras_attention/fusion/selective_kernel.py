"""Selective kernel convolution (Li et al., 2019)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.layer import name_each
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.fusion import _branches
from keras_attention.fusion._dilated_path import DilatedPath
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class SelectiveKernel(Attention, KernelLayer):
    r"""Selective kernel (SK) convolution: selects kernel sizes by channel.

    .. math::

        U_m = \mathrm{relu}(\mathrm{BN}_m(w_m * x)), \qquad
        z = \mathrm{relu}\Bigl(\mathrm{BN}\bigl(W \tfrac{1}{|S|}
        \textstyle\sum_{p \in S} \sum_m U_{m,p}\bigr)\Bigr), \qquad
        a_{m,c} = \frac{e^{(A_m z)_c}}{\sum_n e^{(A_n z)_c}}, \qquad
        y_{p,c} = \sum_m a_{m,c}\, U_{m,p,c}

    where :math:`w_m *` is a convolution with dilation :math:`1 + m` on path
    :math:`m = 0, 1, \dots`, :math:`\mathrm{BN}` is batch normalization,
    :math:`S` is the set of spatial positions of the output, :math:`W \in
    \mathbb{R}^{d \times C}` and :math:`A_m \in \mathbb{R}^{C \times d}`. With
    `use_bias=True` each convolution and each matrix has a bias.

    The layer replaces a convolution of a residual network, with its batch
    normalization and ReLU: the middle one of a bottleneck block, or the first
    one of a basic block.

    Args:
        filters: Number :math:`C` of output channels.
        paths: Number of paths.
        kernel_size: Side of the square windows of :math:`w_m`, before dilation.
        strides: Step of the convolutions in both directions.
        groups: Number of groups of the convolutions, which must divide
            `filters` and the number of input channels of a path.
        reduction: Integer :math:`r \ge 1`: :math:`d` is
            `max(filters // reduction, min_units)`.
        hidden_units: Number :math:`d` of hidden units; overrides `reduction`
            and `min_units`.
        min_units: Minimum number of hidden units.
        split_input: Whether the input channels are split into one contiguous
            part for each path. Otherwise each path receives all channels.
        use_bias: Whether convolutions and dense layers have biases. In the
            authors' networks and in timm they have none; in the widely used
            PyTorch code they do.
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
        `(batch, paths, filters)` in either data format. It sums to 1 over the
        paths.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank, or a number of channels that is unknown, or that
            `groups` or, with `split_input=True`, `paths` do not divide.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.SelectiveKernel(128, groups=32, strides=2)
    >>> tuple(layer(x).shape)
    (2, 4, 4, 128)
    >>> tuple(layer.attention(x).shape)
    (2, 2, 128)

    Reference:
        `Selective Kernel Networks <https://arxiv.org/abs/1903.06586>`_,
        equations 1 to 6.

    Note:
        The defaults are those of the widely used PyTorch code; the authors'
        networks use `SelectiveKernel(filters, groups=32, use_bias=False)`. The
        paper's 5x5 kernel is a 3x3 kernel with dilation 2, as in the authors'
        code. Zero padding is symmetric, as in PyTorch and Caffe;
        `padding="same"` with a stride is not. Batch normalization of :math:`z`
        has one vector per sample as input. In training on batches of one
        sample, :math:`z` is therefore constant; PyTorch raises an error in this
        case. Biases are initialized to zero; PyTorch initializes them like the
        kernels.
    """

    card = Card(
        operation="weights convolutions of several dilations per channel",
        insertion="in place of the middle convolution of a bottleneck",
        limits=(
            "It replaces a convolution, so it cannot be attached to a trained "
            "network, and computes one convolution for each branch."
        ),
        papers=("1903.06586",),
        attention="branches",
        short_names=("sk",),
        call="SelectiveKernel(F)",
        parameters="2 * (9 * C * F + 3 * F) + F * d + 3 * d + 2 * F * (d + 1)",
        multiply_adds="H * W * (18 * C * F + 2 * F) + 3 * F * d",
        symbols={"d": "max(F // 16, 32)"},
        gain="ImageNet top-1 error of ResNeXt-50 22.23 → 20.79",
        layouts=("timm", "selective-kernel-conv", "caffe"),
    )

    def __init__(
        self,
        filters: int,
        *,
        paths: int = 2,
        kernel_size: int = 3,
        strides: int = 1,
        groups: int = 1,
        reduction: int = 16,
        hidden_units: int | None = None,
        min_units: int = 32,
        split_input: bool = False,
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
        self.filters = validation.positive_integer("filters", filters)
        self.paths = validation.positive_integer("paths", paths)
        self.kernel_size = validation.positive_integer(
            "kernel_size", kernel_size
        )
        self.strides = validation.positive_integer("strides", strides)
        self.groups = validation.positive_integer("groups", groups)
        self.reduction = validation.positive_integer("reduction", reduction)
        self.hidden_units = validation.optional_positive_integer(
            "hidden_units", hidden_units
        )
        self.min_units = validation.positive_integer("min_units", min_units)
        self.split_input = validation.boolean("split_input", split_input)
        self.use_bias = validation.boolean("use_bias", use_bias)
        validation.divides("groups", self.groups, self.filters, "`filters`")
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        if self.split_input:
            what = "the number of channels"
            validation.divides("paths", self.paths, channels, what)
            channels //= self.paths
        validation.divides(
            "groups", self.groups, channels, "the number of channels of a path"
        )
        branch_shape = data_formats.with_channels(
            (None,) * 4, channels, self.data_format
        )
        self.branches = [self._new_path(index) for index in range(self.paths)]
        name_each(self, "branches")
        for branch in self.branches:
            branch.build(branch_shape)
        hidden = self.hidden_units or max(
            self.filters // self.reduction, self.min_units
        )
        self.squeeze = self._dense(
            "squeeze", hidden, self.filters, use_bias=self.use_bias
        )
        self.squeeze_norm = self._batch_norm("squeeze_norm", hidden)
        # The logits of all paths: the first `filters` are those of the first
        # path.
        self.select = self._dense(
            "select", self.paths * self.filters, hidden, use_bias=self.use_bias
        )

    def call(self, x, training=None, return_attention=False):
        parts = self._split(self._as_float(x))
        maps = [
            branch.call(part, training=training)
            for branch, part in zip(self.branches, parts, strict=True)
        ]
        attention = self._select(maps, training)
        outputs = self.apply_attention(maps, attention)
        return self._outputs(outputs, attention, return_attention)

    def apply_attention(self, maps, attention):
        """Return the sum of the maps of the paths, weighted by `attention`."""
        return _branches.weighted_sum(maps, attention, self.data_format)

    def compute_output_shape(self, input_shape):
        return data_formats.strided(
            input_shape, self.filters, self.strides, self.data_format
        )

    def compute_attention_shape(self, input_shape):
        return (input_shape[0], self.paths, self.filters)

    def _split(self, x) -> list:
        """Return the input of each path."""
        if not self.split_input:
            return [x] * self.paths
        axis = data_formats.channel_axis(self.data_format, 4)
        return ops.split(x, self.paths, axis=axis)

    def _select(self, maps, training):
        """Return the weights of the paths, a softmax for each channel."""
        axes = data_formats.spatial_axes(self.data_format, 4)
        s = reductions.upcast_mean(
            _branches.sum_maps(map(precision.upcast_float16, maps)), axes
        )
        z = calls.dense(self.squeeze, s)
        z = elementwise.relu(self.squeeze_norm.call(z, training=training))
        logits = calls.dense(self.select, z)
        logits = reshaping.reshape(logits, (-1, self.paths, self.filters))
        return precision.cast(reductions.softmax(logits, 1), maps[0].dtype)

    def _new_path(self, index: int) -> DilatedPath:
        return DilatedPath(
            self.filters,
            kernel_size=self.kernel_size,
            strides=self.strides,
            dilation_rate=1 + index,
            groups=self.groups,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            data_format=self.data_format,
            dtype=self.dtype_policy,
            name=f"path_{index}",
        )
