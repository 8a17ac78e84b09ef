"""Deformable convolution v4 (Xiong et al., 2024)."""

from collections.abc import Sequence
from typing import Unpack

import keras

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
from keras_attention.ops import reshaping
from keras_attention.spatial._centered_windows import CenteredWindows
from keras_attention.spatial._centered_windows import lerp_to_center


@keras.saving.register_keras_serializable(package="keras_attention")
class DeformableConv2DV4(Attention, KernelLayer):
    r"""Deformable 2D convolution, version 4.

    .. math::

        y_p = W_{\text{out}}\, z_p, \qquad
        z_{p,g} = \sum_k m_{p,g,k}\, v_g\bigl(c_p + \sigma (d_k +
        \Delta_{p,g,k})\bigr), \qquad
        v = W_{\text{in}}\, x, \qquad
        [\Delta_p;\ m_p] = W_u\, u_{c_p}

    where :math:`c_p` is the center of the window of position :math:`p`,
    :math:`d_k` are the positions of the points of the window from its center,
    :math:`\sigma` is `offset_scale`, and :math:`v_g(q)` are the channels of
    group :math:`g`, read bilinearly at a position in pixels, zero outside. The
    features :math:`u` are the input :math:`x`, or a convolution of each of its
    channels. The mask is not limited to a range, in contrast to that of
    `keras_attention.DeformableConv2DV3`. The dense layers have biases, see
    `output_bias`. Weights of offsets and mask are initialized to zero, and
    :math:`z` is zero at first.

    Args:
        kernel_size: Odd height and width of the window: one number, or one
            each.
        strides: Step of the window: one number, or one each for height and
            width.
        padding: `"valid"`, `"same"`, or the number of zeros on each side: one
            number, or one each for height and width. `"same"` is half the
            extent of the window on each side, also with strides, unlike that of
            `keras.layers.Conv2D`.
        dilation_rate: Distance of the points: one number, or one each for
            height and width.
        groups: Number of groups of channels with separate offsets and masks, a
            divisor of the number of channels.
        offset_scale: Positive factor of the offsets and of the window.
        depthwise_kernel_size: Odd height and width of the convolution of each
            channel: one number, or one each. `None` is no convolution.
        center_feature_scale: Whether to add the value at the center of the
            window: :math:`z_p \leftarrow (1 - s_p)\, z_p + s_p\, v_{c_p}`,
            where the share :math:`s` of each group is a dense layer of
            :math:`z`, and a sigmoid.
        remove_center: Whether to leave out the point at the center.
        output_bias: Whether :math:`W_{\text{out}}` has a bias. It has no effect
            with `pointwise=False`.
        pointwise: Whether there are :math:`W_{\text{in}}` and
            :math:`W_{\text{out}}`. Without, the input is sampled, and the sums
            are the output.
        kernel_initializer: Initializer of the kernels of :math:`W_{\text{in}}`,
            :math:`W_{\text{out}}` and the convolution. Those of offsets, mask
            and :math:`s` are initialized to zero.
        kernel_regularizer: Regularizer of the same kernels.
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
        `(batch, new_height, new_width, channels)`, or with the channels second.
        `attention` is a dictionary of two maps of the new size: `"offsets"` has
        two channels for each group and point, :math:`(\Delta_x, \Delta_y)` in
        pixels, not scaled, `"mask"` has one. Groups come first, then points
        column by column.

    Raises:
        ValueError: If an argument is not as described above, if `groups` does
            not divide the number of channels, if the window does not fit into
            the map and its zeros, or if the input has another rank or an
            unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 16))
    >>> layer = keras_attention.DeformableConv2DV4()
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape)
    (2, 8, 8, 16)
    >>> {name: tuple(value.shape) for name, value in attention.items()}
    {'offsets': (2, 8, 8, 72), 'mask': (2, 8, 8, 36)}

    Reference:
        `Efficient Deformable ConvNets: Rethinking Dynamic and Sparse Operator
        for Vision Applications <https://arxiv.org/abs/2401.06197>`_,
        section 3.1.

    Note:
        The published code runs on GPUs alone, with kernels of 3 x 3, a stride
        of 1 and a multiple of 16 channels in each group. As there, the number
        of columns of :math:`W_u` is a multiple of 8, and the last are not used.
        The kernel of the convolution starts smaller than PyTorch's, by about
        the root of the number of channels.
    """

    card = Card(
        operation=(
            "sums samples at predicted locations, with weights of any range"
        ),
        insertion="in place of self-attention in each block of a network",
        limits=(
            "Sampling takes several times as long as a depthwise convolution. "
            "A trained network does not keep its outputs with it."
        ),
        papers=("2401.06197",),
        attention={"offsets": "group offsets", "mask": "group weights"},
        short_names=("dcnv4",),
        call="DeformableConv2DV4()",
        parameters="112 * (C + 1) + 2 * (C**2 + C)",
        multiply_adds="H * W * (2 * C**2 + 157 * C)",
        layouts=("official",),
    )

    def __init__(
        self,
        kernel_size: int | Sequence[int] = 3,
        *,
        strides: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = "same",
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 4,
        offset_scale: float = 1.0,
        depthwise_kernel_size: int | Sequence[int] | None = None,
        center_feature_scale: bool = False,
        remove_center: bool = False,
        output_bias: bool = True,
        pointwise: bool = True,
        kernel_initializer: Initializer = "glorot_uniform",
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
        self.kernel_size = validation.odd_size("kernel_size", kernel_size)
        self.strides = validation.size("strides", strides)
        self.padding = validation.padding("padding", padding)
        self.dilation_rate = validation.size("dilation_rate", dilation_rate)
        self.groups = validation.positive_integer("groups", groups)
        self.offset_scale = validation.positive_number(
            "offset_scale", offset_scale
        )
        self.depthwise_kernel_size = validation.optional_odd_size(
            "depthwise_kernel_size", depthwise_kernel_size
        )
        self.center_feature_scale = validation.boolean(
            "center_feature_scale", center_feature_scale
        )
        self.remove_center = validation.boolean("remove_center", remove_center)
        self.output_bias = validation.boolean("output_bias", output_bias)
        self.pointwise = validation.boolean("pointwise", pointwise)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self._windows = CenteredWindows(
            self.kernel_size,
            self.strides,
            self.padding,
            self.dilation_rate,
            remove_center=self.remove_center,
        )

    def build(self, input_shape):
        channels = self._channels(input_shape)
        validation.divides(
            "groups", self.groups, channels, "the number of channels"
        )
        if self.depthwise_kernel_size:
            self.depthwise = self._depthwise_conv(
                "depthwise",
                self.depthwise_kernel_size,
                channels,
                strides=self.strides,
                data_format="channels_last",
            )
        used = 3 * self.groups * self._windows.points
        self.offset_mask_kernel, self.offset_mask_bias = self._precise_dense(
            "offset_mask", -(-used // 8) * 8, channels
        )
        if self.pointwise:
            self.value = self._dense("value", channels, channels)
            self.project = self._dense(
                "project", channels, channels, use_bias=self.output_bias
            )
        if self.center_feature_scale:
            self.center_scale_kernel, self.center_scale_bias = (
                self._precise_dense("center_scale", self.groups, channels)
            )

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        # Raises an error if the window does not fit.
        self._windows.map_shape(x.shape, 1, self.data_format)
        z = reshaping.to_channels_last(precision.upcast(x), self.data_format)
        offsets, mask = self._offsets_and_mask(z)
        value = calls.pointwise(self.value, z, 3) if self.pointwise else z
        sums = self._windows.sample(
            value, offsets, mask, groups=self.groups, scale=self.offset_scale
        )
        if self.center_feature_scale:
            share = elementwise.sigmoid(
                calls.precise_dense(
                    self.center_scale_kernel, self.center_scale_bias, sums
                )
            )
            center = self._windows.at_centers(value)
            sums = lerp_to_center(sums, center, share)
        y = calls.pointwise(self.project, sums, 3) if self.pointwise else sums
        y, offsets, mask = (
            precision.cast(
                reshaping.from_channels_last(part, self.data_format), x.dtype
            )
            for part in (y, offsets, mask)
        )
        attention = {"offsets": offsets, "mask": mask}
        return self._outputs(y, attention, return_attention)

    def compute_output_shape(self, input_shape):
        channels = data_formats.channel_count(input_shape, self.data_format)
        return self._windows.map_shape(input_shape, channels, self.data_format)

    def compute_attention_shape(self, input_shape):
        return self._windows.attention_shape(
            input_shape, self.groups, self.data_format
        )

    def _offsets_and_mask(self, z):
        if self.depthwise_kernel_size:
            u = self._windows.convolve_at_centers(self.depthwise, z)
        else:
            u = self._windows.at_centers(z)
        columns = calls.precise_dense(
            self.offset_mask_kernel, self.offset_mask_bias, u
        )
        points = self._windows.points
        # For each group the offsets of its points, then their weights.
        by_group = reshaping.split_channels(
            columns[..., : 3 * self.groups * points],
            self.groups,
            "channels_last",
        )
        size = reshaping.shape(columns)[:3]
        return (
            reshaping.reshape(part, (*size, count * self.groups * points))
            for part, count in (
                (by_group[..., : 2 * points], 2),
                (by_group[..., 2 * points :], 1),
            )
        )
