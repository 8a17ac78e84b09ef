"""Spatial Transformer (Jaderberg et al., 2015)."""

import math
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
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import precision
from keras_attention.ops import products
from keras_attention.ops import reshaping
from keras_attention.ops.grid_sample import INTERPOLATIONS
from keras_attention.ops.grid_sample import PADDING_MODES
from keras_attention.ops.grid_sample import grid_sample
from keras_attention.spatial import _transforms


@keras.saving.register_keras_serializable(package="keras_attention")
class SpatialTransformer(Attention, KernelLayer):
    r"""Spatial transformer: resamples a map on a predicted grid.

    .. math::

        \theta = W f(x) + b, \qquad
        (u_p, v_p) = T_\theta(p), \qquad
        y_{p,c} = \sum_{n,m} x_{n,m,c}\, k(v_p - n)\, k(u_p - m)

    where :math:`f` is the localization network, flattened, :math:`T_\theta` a
    transform from each position :math:`p` of the output to a location in the
    input, and :math:`k` the kernel of the interpolation. :math:`W` is
    initialized to zero and :math:`b` to the parameters of the identity, so the
    layer starts as the identity. The gradient of :math:`f` is zero until
    :math:`W` has changed.

    ============= ================================================ ==========
    `transform`   :math:`T_\theta`                                 parameters
    ============= ================================================ ==========
    "affine"      `keras_attention.ops.affine_grid`                6
    "attention"   the same, one scale and a translation            3
    "translation" the same, a translation :math:`(x, y)`           2
    "projective"  `keras_attention.ops.projective_grid`, its last  8
                  entry being 1
    "tps"         `keras_attention.ops.tps_grid`, a thin-plate     2 a point
                  spline
    ============= ================================================ ==========

    The layer is inserted after the input or an early convolution, as all
    channels share one transform. :math:`\theta` and the locations are computed
    in float32 or float64, whatever the dtype of the input.

    Args:
        localization: Layer or model :math:`f` from the input to features of any
            rank, whose size must be known. It should preserve locations, which
            global average pooling discards.
        transform: Name of the transform, as above.
        output_size: Height and width of the output, or one number for both;
            `None` for those of the input.
        interpolation: `"bilinear"`, `"nearest"` or `"bicubic"`. With
            `"nearest"` the localization network is not trained, as its gradient
            is zero.
        padding_mode: Values outside the map: `"zeros"`, the nearest `"border"`
            pixel, or the `"reflection"` of the map.
        align_corners: Whether the locations -1 and 1 are the centers of the
            pixels at the ends, rather than their outer edges.
        control_points: Points along each side of the square grid of the
            thin-plate spline, at least 2.
        kernel_initializer: Initializer of :math:`W`.
        kernel_regularizer: Regularizer of :math:`W`.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`. It should be that of the
            localization network too.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor of rank 4. The number of channels must be known.
        training: Whether the localization network is run in training mode.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, height, width, channels)` if `data_format="channels_last"`,
        `(batch, channels, height, width)` if `data_format="channels_first"`.

    Output shape:
        The input shape with the height and width of `output_size`. `attention`
        is the grid, `(batch, new_height, new_width, 2)` in either format: for
        each position of the output its location :math:`(u, v)` in the input,
        both from -1 to 1 over it, first along the width.

    Raises:
        ValueError: If an argument is not as described above, if the input has
            another rank or an unknown number of channels, or if the size of the
            features is unknown.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 3))
    >>> localization = keras.Sequential(
    ...     [keras.layers.Flatten(), keras.layers.Dense(32, activation="relu")]
    ... )
    >>> layer = keras_attention.SpatialTransformer(
    ...     localization, output_size=(4, 4)
    ... )
    >>> tuple(layer(x).shape)
    (2, 4, 4, 3)
    >>> tuple(layer.attention(x).shape)
    (2, 4, 4, 2)

    Reference:
        `Spatial Transformer Networks <https://arxiv.org/abs/1506.02025>`_,
        equations 1 to 5.

    Note:
        `"nearest"` rounds halves to the even pixel, as PyTorch does; the paper
        rounds them up. The default of PyTorch's functions is
        `align_corners=False`; the grid of the paper is that of `True`.
    """

    card = Card(
        operation="resamples a map on a grid that your network predicts",
        insertion="after the input, or after an early layer",
        limits=(
            "It makes one transformation of the whole image. For several "
            "objects with different ones, use `DeformableConv2D`."
        ),
        papers=("1506.02025",),
        attention="grid",
        short_names=("stn",),
        call="SpatialTransformer(localization)",
        parameters="6 * N + 6",
        multiply_adds="6 * N + H * W * (4 * C + 6)",
        symbols={"N": "2"},
        gain="error on rotated, scaled and translated MNIST 0.8 → 0.5",
    )

    def __init__(
        self,
        localization: keras.layers.Layer,
        *,
        transform: str = "affine",
        output_size: int | Sequence[int] | None = None,
        interpolation: str = "bilinear",
        padding_mode: str = "zeros",
        align_corners: bool = True,
        control_points: int = 4,
        kernel_initializer: Initializer = "zeros",
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
        self.localization = validation.layer("localization", localization)
        self.transform = validation.one_of(
            "transform", transform, _transforms.TRANSFORMS
        )
        self.output_size = validation.optional_size("output_size", output_size)
        self.interpolation = validation.one_of(
            "interpolation", interpolation, INTERPOLATIONS
        )
        self.padding_mode = validation.one_of(
            "padding_mode", padding_mode, PADDING_MODES
        )
        self.align_corners = validation.boolean("align_corners", align_corners)
        self.control_points = validation.integer_of_two_or_more(
            "control_points", control_points
        )
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        self._channels(input_shape)
        if not self.localization.built:
            self.localization.build(input_shape)
        shape = tuple(self.localization.compute_output_shape(input_shape))
        if not all(isinstance(size, int) for size in shape[1:]):
            raise ValueError(
                "`localization` must return one tensor of features of a known "
                f"size. Received: localization.output_shape={shape}"
            )
        identity = _transforms.identity(self.transform, self.control_points)
        # The weights are combined with float32 features only: in half
        # precision, locations are off by pixels.
        self.kernel = self.add_weight(
            (math.prod(shape[1:]), len(identity)),
            self._new_initializer(),
            regularizer=self.kernel_regularizer,
            name="kernel",
            autocast=False,
        )
        self.bias = self.add_weight(
            identity.shape,
            lambda shape, dtype=None: precision.cast(identity, dtype),
            name="bias",
            autocast=False,
        )

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        grid = self.compute_attention(x, training=training)
        outputs = self.apply_attention(x, grid)
        return self._outputs(
            outputs, precision.cast(grid, x.dtype), return_attention
        )

    def compute_attention(self, x, training=None):
        features = self.localization(x, training=training)
        if self.data_format == "channels_first" and len(features.shape) > 2:
            # Channels last, so that the weights are the same in both data
            # formats.
            features = ops.moveaxis(features, 1, -1)
        features = reshaping.reshape(features, (-1, self.kernel.shape[0]))
        features = precision.upcast(features)
        kernel, bias = (
            precision.cast(weight, features.dtype)
            for weight in (self.kernel, self.bias)
        )
        return _transforms.grid(
            self.transform,
            products.dense(features, kernel, bias),
            self._output_size(reshaping.shape(x)),
            self.align_corners,
        )

    def apply_attention(self, x, attention):
        return grid_sample(
            x,
            attention,
            interpolation=self.interpolation,
            padding_mode=self.padding_mode,
            align_corners=self.align_corners,
            data_format=self.data_format,
        )

    def compute_output_shape(self, input_shape):
        channels = input_shape[data_formats.channel_axis(self.data_format, 4)]
        grid = self.compute_attention_shape(input_shape)
        if self.data_format == "channels_first":
            return (grid[0], channels, *grid[1:3])
        return (*grid[:3], channels)

    def compute_attention_shape(self, input_shape):
        return (input_shape[0], *self._output_size(input_shape), 2)

    @classmethod
    def from_config(cls, config):
        localization = keras.saving.deserialize_keras_object(
            config["localization"]
        )
        return super().from_config({**config, "localization": localization})

    def _output_size(self, input_shape):
        if self.output_size is not None:
            return self.output_size
        axes = data_formats.spatial_axes(self.data_format, 4)
        return tuple(input_shape[axis] for axis in axes)
