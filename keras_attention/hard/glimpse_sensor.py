"""Glimpse sensor of the recurrent attention model (Mnih et al., 2014)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base.card import Card
from keras_attention._base.layer import MapLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.ops.extract_glimpses import extract_glimpses


@keras.saving.register_keras_serializable(package="keras_attention")
class GlimpseSensor(MapLayer):
    r"""Glimpse sensor: crops at several scales around a location.

    .. math::

        \rho_{k,i,j} = \frac{1}{f^2} \sum_{a, b < f}
        x_{\lfloor H (l_y + 1) / 2 \rfloor - \lfloor n / 2 \rfloor + f i + a,\;
        \lfloor W (l_x + 1) / 2 \rfloor - \lfloor n / 2 \rfloor + f j + b},
        \qquad f = s^k, \quad n = f g

    where :math:`g` is `glimpse_size`, :math:`s` is `scale_factor` and :math:`k`
    counts the scales from 0, the finest. An image is zero outside its borders.
    The finest scale has the resolution of the image; coarser scales are
    averaged.

    The layer has no weights. It applies `keras_attention.ops.extract_glimpses`.

    Args:
        glimpse_size: Side :math:`g` of a glimpse.
        num_scales: Number of squares around a location.
        scale_factor: Integer :math:`s`: ratio of the sides of consecutive
            squares. Each square is downsampled to `glimpse_size` by average
            pooling.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        images: Tensor of rank 4. The number of channels must be known.
        locations: Float tensor :math:`(l_x, l_y)`, from -1 at the left and the
            top to 1 at the right and the bottom. It is not cast to the dtype of
            the layer. It has no gradient.

    Input shape:
        `images`: `(batch, height, width, channels)` if
        `data_format="channels_last"`, `(batch, channels, height, width)` if
        `data_format="channels_first"`. `locations`: `(batch, 2)`.

    Output shape:
        `(batch, num_scales, glimpse_size, glimpse_size, channels)` if
        `data_format="channels_last"`,
        `(batch, num_scales, channels, glimpse_size, glimpse_size)` if
        `data_format="channels_first"`.

    Raises:
        ValueError: If an argument is not as described above, or if an input
            has another shape.

    Example:

    >>> images = keras.random.normal((2, 28, 28, 1))
    >>> locations = np.array([[0, 0], [-1, 1]], "float32")
    >>> layer = keras_attention.GlimpseSensor(8, num_scales=3)
    >>> tuple(layer(images, locations).shape)
    (2, 3, 8, 8, 1)

    Reference:
        `Recurrent Models of Visual Attention
        <https://arxiv.org/abs/1406.6247>`_, section 3.1.

    Note:
        The paper does not specify how locations are rounded and squares
        resized. This layer follows the common PyTorch implementation. That
        implementation is written for square images and even glimpse sizes; this
        layer applies the same rule to others.
    """

    card = Card(
        operation="crops an image at several scales around a location",
        insertion="first layer of a model with glimpses",
        limits=(
            "It has no gradient with respect to the location. For a crop that "
            "is trained by gradients, use `SpatialTransformer`."
        ),
        papers=("1406.6247",),
        call="GlimpseSensor()",
        parameters="0",
        multiply_adds="0",
    )

    def __init__(
        self,
        glimpse_size: int = 8,
        *,
        num_scales: int = 1,
        scale_factor: int = 2,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        # Half precision cannot represent every pixel location of an image.
        self.autocast = False
        self.glimpse_size = validation.positive_integer(
            "glimpse_size", glimpse_size
        )
        self.num_scales = validation.positive_integer("num_scales", num_scales)
        self.scale_factor = validation.positive_integer(
            "scale_factor", scale_factor
        )
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, images_shape, locations_shape):
        self._channels(images_shape)
        if len(locations_shape) != 2 or locations_shape[-1] != 2:
            raise ValueError(
                "`locations` must have shape (batch, 2), one (x, y) per image. "
                f"Received: locations_shape={tuple(locations_shape)}"
            )

    def call(self, images, locations, training=None):
        return extract_glimpses(
            ops.cast(images, self.compute_dtype),
            locations,
            self.glimpse_size,
            num_scales=self.num_scales,
            scale_factor=self.scale_factor,
            data_format=self.data_format,
        )

    def compute_output_shape(self, images_shape, locations_shape):
        sides = [self.glimpse_size, self.glimpse_size]
        channels = data_formats.channel_count(images_shape, self.data_format)
        sides.insert(
            data_formats.channel_axis(self.data_format, 4) - 1, channels
        )
        return (images_shape[0], self.num_scales, *sides)
