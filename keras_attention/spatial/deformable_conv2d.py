"""Deformable convolution (Dai et al., 2017; Zhu et al., 2019)."""

from collections.abc import Sequence
from typing import Unpack

import keras
from keras import ops

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Activation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import convolution
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reshaping
from keras_attention.ops.deform_conv2d import deform_conv2d
from keras_attention.ops.windows import Windows


@keras.saving.register_keras_serializable(package="keras_attention")
class DeformableConv2D(Attention, KernelLayer):
    r"""Deformable 2D convolution (v1 and v2).

    .. math::

        y_p = f\Bigl(\sum_n w_n\, m_{p,n}\, x(s p - a + d n + \Delta_{p,n})
        + b\Bigr), \qquad
        [\Delta_p;\ \mathrm{logit}\, m_p] = (v * x)_p + c

    where :math:`n` runs over the taps of the kernel :math:`w`, :math:`s` are
    the strides, :math:`a` the padding, :math:`d` the dilation, :math:`x(q)` is
    the map read bilinearly at a position in pixels, zero outside, and :math:`f`
    the activation. The offsets :math:`\Delta` and the mask :math:`m` come from
    a convolution with the same windows, whose kernel :math:`v` and bias
    :math:`c` are initialized to zero. The layer therefore starts as a
    `keras.layers.Conv2D`, with half the kernel if there is a mask. In a network
    it replaces convolutions, usually in the last stages.

    Args:
        filters: Number of channels of the output.
        kernel_size: Height and width of the window: one number, or one each.
        strides: Step of the window: one number, or one each for height and
            width.
        padding: `"valid"`, `"same"`, or the number of zeros on each side: one
            number, or one each for height and width. `"same"` is that of
            `keras.layers.Conv2D`; published networks with strides need a
            number.
        dilation_rate: Distance of the taps: one number, or one each for height
            and width.
        groups: Number of groups of the convolution, a divisor of `filters` and
            of the number of channels.
        offset_groups: Number of groups of channels with separate offsets and
            masks, a divisor of the number of channels.
        modulated: Whether there is a mask, as in the second paper.
        max_offset: Limit of the offsets in each direction, as a share of the
            larger side of the input: with 0.25, offsets in a map of 32 x 24
            pixels are clipped to -8 and 8. `None` for no limit.
        use_bias: Whether there is a bias :math:`b`.
        activation: The activation :math:`f`, or `None`.
        kernel_initializer: Initializer of :math:`w`.
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
        That of a `keras.layers.Conv2D`: `(batch, new_height, new_width,
        filters)`, or with the channels second. `attention` is a dictionary of
        two maps of the new size, without the second if `modulated=False`:
        `"offsets"` has two channels for each group and tap, :math:`(\Delta_y,
        \Delta_x)` in pixels, `"mask"` has one. Groups come first, then taps row
        by row.

    Raises:
        ValueError: If an argument is not as described above, if `groups` does
            not divide `filters`, if `groups` or `offset_groups` does not divide
            the number of channels, or if the input has another rank or an
            unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 16))
    >>> layer = keras_attention.DeformableConv2D(32)
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape)
    (2, 8, 8, 32)
    >>> {name: tuple(value.shape) for name, value in attention.items()}
    {'offsets': (2, 8, 8, 18), 'mask': (2, 8, 8, 9)}

    Reference:
        `Deformable Convolutional Networks <https://arxiv.org/abs/1703.06211>`_,
        equation 2, and, for the mask, `Deformable ConvNets v2: More Deformable,
        Better Results <https://arxiv.org/abs/1811.11168>`_, equation 1.

    Note:
        The papers do not limit the offsets; ALIKED does, with 0.25. The papers
        train the offsets at a lower learning rate than the other weights. Here
        all weights have the same learning rate.
    """

    card = Card(
        operation="convolves at predicted sampling locations",
        insertion=(
            "in place of convolutions of the last stages, mainly for detection"
        ),
        limits=(
            "Sampling takes several times as long as a convolution. In early "
            "layers, whose maps are large, it seldom pays."
        ),
        papers=("1703.06211", "1811.11168"),
        attention={"offsets": "kernel offsets", "mask": "kernel weights"},
        short_names=("dcn", "dcnv2"),
        call="DeformableConv2D(F)",
        parameters="9 * C * F + F + 243 * C + 27",
        multiply_adds="H * W * (9 * C * F + 288 * C)",
        gain="COCO mAP of R-FCN with ResNet-101 32.1 → 35.7 (without a mask)",
        layouts=(
            "official",
            "torchvision",
            "mmcv",
            "detectron2",
            "DCNv2",
            "aliked",
        ),
    )

    def __init__(
        self,
        filters: int,
        *,
        kernel_size: int | Sequence[int] = 3,
        strides: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = "same",
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        offset_groups: int = 1,
        modulated: bool = True,
        max_offset: float | None = None,
        use_bias: bool = True,
        activation: Activation = None,
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
        self.filters = validation.positive_integer("filters", filters)
        self.kernel_size = validation.size("kernel_size", kernel_size)
        self.strides = validation.size("strides", strides)
        self.padding = validation.padding("padding", padding)
        self.dilation_rate = validation.size("dilation_rate", dilation_rate)
        self.groups = validation.positive_integer("groups", groups)
        self.offset_groups = validation.positive_integer(
            "offset_groups", offset_groups
        )
        self.modulated = validation.boolean("modulated", modulated)
        self.max_offset = validation.optional_positive_number(
            "max_offset", max_offset
        )
        self.use_bias = validation.boolean("use_bias", use_bias)
        self.activation = validation.activation("activation", activation)
        validation.divides("groups", self.groups, self.filters, "`filters`")
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self._windows = Windows(
            self.kernel_size, self.strides, self.padding, self.dilation_rate
        )
        # Keras has no convolution with both: compute all windows, then
        # subsample.
        self._skips = max(self.strides) > 1 and max(self.dilation_rate) > 1

    def build(self, input_shape):
        channels = self._channels(input_shape)
        for name in ("groups", "offset_groups"):
            validation.divides(
                name, getattr(self, name), channels, "the number of channels"
            )
        maps = sum(self._sizes().values())
        # Kept in float32: in half precision, a location is off by pixels.
        self.offset_kernel = self.add_weight(
            (*self.kernel_size, channels, maps),
            "zeros",
            name="offset_kernel",
            autocast=False,
        )
        self.offset_bias = self.add_weight(
            (maps,), "zeros", name="offset_bias", autocast=False
        )
        self.kernel = self.add_weight(
            (*self.kernel_size, channels // self.groups, self.filters),
            self._new_initializer(),
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = (
            self.add_weight((self.filters,), "zeros", name="bias")
            if self.use_bias
            else None
        )

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        attention = self.compute_attention(x, training=training)
        outputs = self.apply_attention(x, attention)
        attention = {
            name: precision.cast(value, x.dtype)
            for name, value in attention.items()
        }
        return self._outputs(outputs, attention, return_attention)

    def compute_attention(self, x, training=None):
        maps = self._offset_maps(precision.upcast(x))
        if not self.modulated:
            return {"offsets": self._limited(maps, x)}
        # Not `ops.split`: PyTorch does not know its sizes in an export.
        count = self._sizes()["offsets"]
        if self.data_format == "channels_last":
            offsets, logits = maps[..., :count], maps[..., count:]
        else:
            offsets, logits = maps[:, :count], maps[:, count:]
        return {
            "offsets": self._limited(offsets, x),
            "mask": elementwise.sigmoid(logits),
        }

    def apply_attention(self, x, attention):
        outputs = deform_conv2d(
            x,
            attention["offsets"],
            self.kernel,
            mask=attention.get("mask"),
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            groups=self.groups,
            offset_groups=self.offset_groups,
            data_format=self.data_format,
        )
        if self.use_bias:
            outputs = outputs + reshaping.per_channel(
                self.bias, self.data_format, 4
            )
        return elementwise.activate(self.activation, outputs)

    def compute_output_shape(self, input_shape):
        return self._map_shape(input_shape, self.filters)

    def compute_attention_shape(self, input_shape):
        return {
            name: self._map_shape(input_shape, channels)
            for name, channels in self._sizes().items()
        }

    def _sizes(self) -> dict[str, int]:
        """Return the number of channels of the offsets and of the mask."""
        taps = self.offset_groups * self._windows.taps
        return {
            "offsets": 2 * taps,
            **({"mask": taps} if self.modulated else {}),
        }

    def _offset_maps(self, x):
        """Return the convolution that computes offsets and mask."""
        axes = data_formats.spatial_axes(self.data_format, 4)
        self._map_shape(x.shape, 1)  # raises an error for too large windows
        if isinstance(self.padding, tuple):
            zeros = dict(zip(axes, self.padding, strict=True))
            x = reshaping.pad(
                x, [(zeros.get(axis, 0),) * 2 for axis in range(4)]
            )
        maps = convolution.conv2d(
            x,
            precision.cast(self.offset_kernel, x.dtype),
            precision.cast(self.offset_bias, x.dtype),
            strides=1 if self._skips else self.strides,
            padding="same" if self.padding == "same" else "valid",
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
        if not self._skips:
            return maps
        slices = [slice(None)] * 4
        for i, axis in enumerate(axes):
            start = 0
            if self.padding == "same":
                # Without strides, more zeros are padded before the map.
                size = reshaping.shape(x)[axis]
                start = self._windows.extent(i) // 2
                start = start - self._windows.pad_before(size, i)
            slices[axis] = slice(start, None, self.strides[i])
        return maps[tuple(slices)]

    def _limited(self, offsets, x):
        """Return the offsets, clipped to a share of the larger side of `x`."""
        if self.max_offset is None:
            return offsets
        size = data_formats.spatial_size(reshaping.shape(x), self.data_format)
        # Tensors: sizes may be unknown, and `ops.clip` rounds Python floats
        # to float32 on PyTorch, as does `ops.maximum` float64.
        larger = ops.maximum(*precision.cast_all(size, "int32"))
        limit = self.max_offset * precision.cast(larger, offsets.dtype)
        return ops.clip(offsets, -limit, limit)

    def _map_shape(self, input_shape, channels):
        shape = list(
            data_formats.with_channels(input_shape, channels, self.data_format)
        )
        for i, axis in enumerate(
            data_formats.spatial_axes(self.data_format, 4)
        ):
            shape[axis] = self._windows.count(shape[axis], i)
        return tuple(shape)
