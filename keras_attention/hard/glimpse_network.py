"""Glimpse network of the recurrent attention model (Mnih et al., 2014)."""

import math
from typing import Unpack

import keras
from keras import ops

from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.hard._retina import retina
from keras_attention.hard.glimpse_sensor import GlimpseSensor
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class GlimpseNetwork(KernelLayer):
    r"""Glimpse network: encodes a glimpse and its location as a vector.

    .. math::

        g = \mathrm{relu}\bigl(W_3\, \mathrm{relu}(W_1 \rho + b_1) + b_3
        + W_4\, \mathrm{relu}(W_2 l + b_2) + b_4\bigr)

    where :math:`\rho` are the flattened glimpses that
    `keras_attention.GlimpseSensor` takes at the location :math:`l`.

    Args:
        units: Length of :math:`g`.
        glimpse_units: Number of hidden units for the pixels, rows of
            :math:`W_1`.
        location_units: Number of hidden units for the location, rows of
            :math:`W_2`.
        glimpse_size: Side of a glimpse in pixels.
        num_scales: Number of squares around a location.
        scale_factor: Integer: ratio of the sides of consecutive squares. Each
            square is downsampled to `glimpse_size` by average pooling.
        kernel_initializer: Initializer of :math:`W_1` to :math:`W_4`.
        kernel_regularizer: Regularizer of :math:`W_1` to :math:`W_4`.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        images: Tensor of rank 4. The number of channels must be known.
        locations: Float tensor :math:`l = (l_x, l_y)`, from -1 at the left and
            the top to 1 at the right and the bottom. Its gradient is that of
            :math:`W_2 l` only: the crops are not differentiated with respect to
            the location.

    Input shape:
        `images`: `(batch, height, width, channels)` if
        `data_format="channels_last"`, `(batch, channels, height, width)` if
        `data_format="channels_first"`. `locations`: `(batch, 2)`.

    Output shape:
        `(batch, units)`.

    Raises:
        ValueError: If an argument is not as described above, or if an input
            has another shape.

    Example:

    >>> images = keras.random.normal((2, 28, 28, 1))
    >>> locations = np.array([[0, 0], [-1, 1]], "float32")
    >>> layer = keras_attention.GlimpseNetwork(glimpse_size=8)
    >>> tuple(layer(images, locations).shape)
    (2, 256)

    Reference:
        `Recurrent Models of Visual Attention
        <https://arxiv.org/abs/1406.6247>`_, section 4.
    """

    card = Card(
        operation="encodes a glimpse and its location as a vector",
        insertion="first layer of a model with glimpses",
        limits=(
            "Locations are not trained by gradients through the crops: it "
            "needs a model such as `RecurrentAttention` that trains them."
        ),
        papers=("1406.6247",),
        call="GlimpseNetwork()",
        parameters="a * g**2 * C + 4 * a + 2 * u * a + 2 * u",
        multiply_adds="a * g**2 * C + 2 * a + 2 * u * a",
        symbols={"g": "8", "a": "128", "u": "256"},
        layouts=("recurrent-visual-attention",),
    )

    def __init__(
        self,
        units: int = 256,
        *,
        glimpse_units: int = 128,
        location_units: int = 128,
        glimpse_size: int = 8,
        num_scales: int = 1,
        scale_factor: int = 2,
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
        # Half precision cannot represent every pixel location of an image.
        self.autocast = False
        self.glimpse_size = validation.positive_integer(
            "glimpse_size", glimpse_size
        )
        self.num_scales = validation.positive_integer("num_scales", num_scales)
        self.scale_factor = validation.positive_integer(
            "scale_factor", scale_factor
        )
        self.units = validation.positive_integer("units", units)
        self.glimpse_units = validation.positive_integer(
            "glimpse_units", glimpse_units
        )
        self.location_units = validation.positive_integer(
            "location_units", location_units
        )
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, images_shape, locations_shape):
        self._channels(images_shape)
        self.sensor = GlimpseSensor(name="sensor", **retina(self))
        self.sensor.build(images_shape, locations_shape)
        shape = self.sensor.compute_output_shape(images_shape, locations_shape)
        self.glimpse_hidden = self._dense(
            "glimpse_hidden", self.glimpse_units, math.prod(shape[1:])
        )
        self.location_hidden = self._dense(
            "location_hidden", self.location_units, 2
        )
        self.glimpse_out = self._dense(
            "glimpse_out", self.units, self.glimpse_units
        )
        self.location_out = self._dense(
            "location_out", self.units, self.location_units
        )

    def call(self, images, locations, training=None):
        glimpses = self.sensor(images, locations)
        if self.data_format == "channels_first":
            # The transposed glimpses are small, and weights fit both data
            # formats.
            glimpses = ops.moveaxis(glimpses, 2, -1)
        pixels = reshaping.reshape(
            glimpses, (-1, math.prod(glimpses.shape[1:]))
        )
        what = self.glimpse_out(ops.relu(self.glimpse_hidden(pixels)))
        where = self.location_out(ops.relu(self.location_hidden(locations)))
        return ops.relu(what + where)

    def compute_output_shape(self, images_shape, locations_shape):
        return (images_shape[0], self.units)
