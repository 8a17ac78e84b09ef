"""Residual attention module (Wang et al., 2017)."""

from typing import Unpack

import keras

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.layer import name_each
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.mixed._hourglass import Hourglass
from keras_attention.mixed._mask_activations import MASK_ACTIVATIONS
from keras_attention.mixed._residual_unit import ConvNormSequence
from keras_attention.mixed._residual_unit import ResidualUnit


@keras.saving.register_keras_serializable(package="keras_attention")
class ResidualAttention(Attention, KernelLayer):
    r"""Residual attention module: features scaled by an hourglass mask.

    .. math::

        x' = U^p(x), \qquad T = U^t(x'), \qquad
        M = f\big(V(\mathrm{hourglass}(x'))\big), \qquad
        y = U^p\big((1 + M) \odot T\big)

    Every :math:`U` is a residual unit with separate weights, :math:`U(x) = x +
    c_3(c_2(c_1(x)))`, whose convolutions :math:`c_i` of size 1, 3 and 1 come
    after batch norm and ReLU, and :math:`V` is two such convolutions of size 1.
    No convolution has a bias. On the way down, the hourglass applies max
    pooling of size 3 and stride 2 and :math:`r` units, `depth` times. At the
    bottom it applies :math:`r` more units. On the way up, each level resizes
    the map bilinearly, adds a skip connection with one unit from the same level
    of the way down, and applies :math:`r` units. The last level resizes to the
    size of :math:`T`. The mask activation :math:`f`, for scores :math:`z` at
    position :math:`i` of channel :math:`c`, is one of

    .. math::

        f_1(z_{ic}) = \sigma(z_{ic}), \qquad
        f_2(z_{ic}) = \frac{z_{ic}}{\lVert z_i \rVert_2}, \qquad
        f_3(z_{ic}) = \sigma\!\left(\frac{z_{ic} - \mathrm{mean}_c}
        {\mathrm{std}_c + 10^{-5}}\right)

    where the norm is over the channels of a position, and mean and standard
    deviation are over the positions of a channel of one sample.

    In the paper's networks for images of 224 x 224, `depth` is 3 on maps of
    56 x 56, 2 on 28 x 28 and 1 on 14 x 14. A map may have any size. Pooling
    leaves a map of one position unchanged.

    Args:
        depth: Number of max poolings of the mask branch.
        preprocessing: Number :math:`p` of residual units before the two
            branches, and also after they are merged.
        trunk: Number :math:`t` of residual units of the trunk.
        mask: Number :math:`r` of residual units between two poolings of the
            mask branch.
        mask_activation: `"mixed"` for :math:`f_1`, `"channel"` for
            :math:`f_2`, `"spatial"` for :math:`f_3`, or `"tanh"`, which is not
            in the paper.
        residual: Whether features are multiplied by :math:`1 + M` (attention
            residual learning) or by :math:`M`.
        align_corners: Whether bilinear resizing aligns the centers of the
            corner pixels. Otherwise it aligns the corners of the maps.
        preactivation: Whether batch normalization and ReLU come before each
            convolution. Otherwise they come after it; the last ReLU of a unit
            comes after the addition, and the last convolution of :math:`V` has
            neither.
        reduction: Integer :math:`\ge 1`: the first two convolutions of a
            residual unit have `max(1, channels // reduction)` filters.
        hidden_units: Number of these filters; overrides `reduction`.
        groups: Number of groups of the convolutions of size 3.
        kernel_initializer: Initializer of all kernels.
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
        The input shape. `attention` is the mask :math:`M`, also of that shape.

    Raises:
        ValueError: If an argument is not as described above, if `groups` does
            not divide the filters of a convolution of size 3, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 7, 9, 16))
    >>> layer = keras_attention.ResidualAttention(depth=2)
    >>> y, mask = layer(x, return_attention=True)
    >>> tuple(y.shape), tuple(mask.shape)
    ((2, 7, 9, 16), (2, 7, 9, 16))

    Reference:
        `Residual Attention Network for Image Classification
        <https://arxiv.org/abs/1704.06904>`_, equations 1 to 6.

    Note:
        Units, skips and widths are those of the authors' network files;
        those of AttentionNeXt are `reduction=2, groups=32, preactivation=False`
        and `mask_activation="tanh"`, which its file has but the paper does not
        mention. The files do not specify the initialization, and the paper does
        not specify the standard deviation of :math:`f_3`: this layer uses the
        unbiased one. Pooling pads with minus infinity: an even size at its end,
        as in the files, and an odd size at both ends, so that the size
        :math:`n` becomes :math:`\lceil n / 2 \rceil`. Where all scores at a
        position are zero, :math:`f_2` is zero. In float16 the outputs of all
        convolutions must be below 65504.

        The statistics of :math:`f_3` are computed in float32 or float64. In
        half precision its mask still depends on how a backend rounds within the
        preceding convolutions, as the division by the standard deviation
        amplifies rounding errors. With equal weights the masks of TensorFlow,
        JAX and PyTorch differed by up to 0.05 (17 % of a value) in
        `mixed_bfloat16` and 0.007 (2 %) in `mixed_float16` on maps of 14 x 14
        and 28 x 28, and by 0.16 and 0.008 on maps of 4 x 4.
    """

    card = Card(
        operation="scales single values by an hourglass mask",
        insertion="between the stages of a residual network",
        limits=(
            "It has several residual blocks of its own, so it is not a small "
            "addition to a network."
        ),
        papers=("1704.06904",),
        attention="mixed",
        short_names=("ran",),
        call="ResidualAttention(3)",
        parameters="59 * C**2 / 4 + 40 * C",
        multiply_adds="H * W * (159 * U / 32 + 2 * C**2 + C)",
        symbols={"U": "17 * C**2 / 16"},
        gain="ImageNet top-1 error 19.5, at 320 pixels (Attention-92)",
    )

    def __init__(
        self,
        depth: int = 3,
        *,
        preprocessing: int = 1,
        trunk: int = 2,
        mask: int = 1,
        mask_activation: str = "mixed",
        residual: bool = True,
        align_corners: bool = False,
        preactivation: bool = True,
        reduction: int = 4,
        hidden_units: int | None = None,
        groups: int = 1,
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
        self.reduction = validation.positive_integer("reduction", reduction)
        self.hidden_units = validation.optional_positive_integer(
            "hidden_units", hidden_units
        )
        self.depth = validation.positive_integer("depth", depth)
        self.preprocessing = validation.positive_integer(
            "preprocessing", preprocessing
        )
        self.trunk = validation.positive_integer("trunk", trunk)
        self.mask = validation.positive_integer("mask", mask)
        self.mask_activation = validation.one_of(
            "mask_activation", mask_activation, tuple(MASK_ACTIVATIONS)
        )
        self.residual = validation.boolean("residual", residual)
        self.align_corners = validation.boolean("align_corners", align_corners)
        self.preactivation = validation.boolean("preactivation", preactivation)
        self.groups = validation.positive_integer("groups", groups)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = validation.units(channels, self.reduction, self.hidden_units)
        validation.divides(
            "groups",
            self.groups,
            hidden,
            "the number of filters of the convolutions of size 3",
        )
        shared = {
            "preactivation": self.preactivation,
            "kernel_initializer": self.kernel_initializer,
            "kernel_regularizer": self.kernel_regularizer,
            "data_format": self.data_format,
            "dtype": self.dtype_policy,
        }

        def unit(name):
            convs = ((hidden, 1, 1), (hidden, 3, self.groups), (channels, 1, 1))
            return ResidualUnit(convs, name=name, **shared)

        def units(count, name):
            return [unit(f"{name}_{number}") for number in range(1, count + 1)]

        self.before = units(self.preprocessing, "before")
        self.trunk_units = units(self.trunk, "trunk")
        self.hourglass = Hourglass(
            self.depth,
            self.mask,
            unit,
            align_corners=self.align_corners,
            data_format=self.data_format,
            dtype=self.dtype_policy,
            name="hourglass",
        )
        self.head = ConvNormSequence(
            ((channels, 1, 1), (channels, 1, 1)), name="head", **shared
        )
        self.after = units(self.preprocessing, "after")
        name_each(self, "before", "trunk_units", "after")
        # The size is unknown, as it depends on the level in the hourglass.
        shape = data_formats.with_channels(
            (None,) * 4, channels, self.data_format
        )
        for layer in (
            *self.before,
            *self.trunk_units,
            self.hourglass,
            self.head,
            *self.after,
        ):
            layer.build(shape)

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        for unit in self.before:
            x = unit.call(x, training=training)
        features = x
        for unit in self.trunk_units:
            features = unit.call(features, training=training)
        scores = self.hourglass.call(x, training=training)
        scores = self.head.call(scores, training=training)
        mask = MASK_ACTIVATIONS[self.mask_activation](scores, self.data_format)
        outputs = features * (1 + mask) if self.residual else features * mask
        for unit in self.after:
            outputs = unit.call(outputs, training=training)
        return self._outputs(outputs, mask, return_attention)
