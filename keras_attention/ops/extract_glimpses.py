"""Multi-scale crops around locations (Mnih et al., 2014).

TensorFlow's `tf.image.extract_glimpse` has one scale, and the other backends
have no such function.
"""

from keras import ops

from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.ops import _symbolic
from keras_attention.ops import _tensors
from keras_attention.ops import precision
from keras_attention.ops import reshaping
from keras_attention.ops import resizing
from keras_attention.ops import sampling


def _output_spec(images, locations, size, **settings):
    shape, dtype, _ = _check(images, locations, size, **settings)
    return shape, dtype


def _check(images, locations, size, *, num_scales, scale_factor, data_format):
    """Return the shape and dtype of the outputs, and the dtype of locations."""
    size = validation.positive_integer("size", size)
    num_scales = validation.positive_integer("num_scales", num_scales)
    validation.positive_integer("scale_factor", scale_factor)
    if len(images.shape) != 4:
        raise ValueError(
            "`images` must have rank 4. "
            f"Received: images.shape={tuple(images.shape)}"
        )
    if len(locations.shape) != 2 or locations.shape[-1] != 2:
        raise ValueError(
            "`locations` must have shape (batch, 2), one (x, y) per image. "
            f"Received: locations.shape={tuple(locations.shape)}"
        )
    batch = _tensors.batch_size(images=images, locations=locations)
    channels = images.shape[data_formats.channel_axis(data_format, 4)]
    glimpse = data_formats.shape_from_channels_last(
        (batch, size, size, channels), data_format
    )
    return (
        (batch, num_scales, *glimpse[1:]),
        _tensors.float_dtype("images", images),
        _tensors.sampling_dtype(_tensors.float_dtype("locations", locations)),
    )


@_symbolic.takes_symbolic(_output_spec, "images", "locations")
def extract_glimpses(
    images,
    locations,
    size: int,
    *,
    num_scales: int = 1,
    scale_factor: int = 2,
    data_format: str | None = None,
):
    r"""Crops square patches of several scales around locations.

    .. math::

        \rho_{k,i,j} = \frac{1}{f^2} \sum_{a, b < f}
        x_{\lfloor H (l_y + 1) / 2 \rfloor - \lfloor n / 2 \rfloor + f i + a,\;
        \lfloor W (l_x + 1) / 2 \rfloor - \lfloor n / 2 \rfloor + f j + b},
        \qquad f = s^k, \quad n = f g

    where :math:`g` is `size`, :math:`s` is `scale_factor` and :math:`k` counts
    the scales from 0, the finest. An image is zero outside its borders, at any
    distance. For a location that is NaN, the glimpse is zero.

    Args:
        images: Tensor of rank 4, of any height and width. Integers are
            converted to floats.
        locations: Float tensor of shape `(batch, 2)`: :math:`(l_x, l_y)`, from
            -1 at the left and the top to 1 at the right and the bottom.
            Locations are rounded down to a pixel, so they have no gradient.
        size: Side :math:`g` of a glimpse.
        num_scales: Number of squares around a location.
        scale_factor: Ratio of the sides of consecutive squares. Each square is
            downsampled to `size` by average pooling.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.

    Returns:
        `(batch, num_scales, size, size, channels)` if
        `data_format="channels_last"`,
        `(batch, num_scales, channels, size, size)` if
        `data_format="channels_first"`; in the dtype of `images`.

    Raises:
        ValueError: If an argument is not as described above.

    Example:

    >>> images = np.ones((2, 28, 28, 1), "float32")
    >>> locations = np.array([[0, 0], [-1, 1]], "float32")
    >>> glimpses = keras_attention.ops.extract_glimpses(
    ...     images, locations, 8, num_scales=3
    ... )
    >>> tuple(glimpses.shape)
    (2, 3, 8, 8, 1)

    Reference:
        `Recurrent Models of Visual Attention
        <https://arxiv.org/abs/1406.6247>`_, section 3.1.
    """
    data_format = data_formats.resolve_data_format(data_format)
    images = ops.convert_to_tensor(images)
    locations = ops.convert_to_tensor(locations)
    _, dtype, dtype_of_locations = _check(
        images,
        locations,
        size,
        num_scales=num_scales,
        scale_factor=scale_factor,
        data_format=data_format,
    )
    size, num_scales, scale_factor = map(int, (size, num_scales, scale_factor))
    locations = precision.cast(locations, dtype_of_locations)
    # Channels last: all channels of a pixel are read at once.
    images = reshaping.to_channels_last(images, data_format)
    factors = [scale_factor**scale for scale in range(num_scales)]
    # The largest square has all others in it.
    side = factors[-1] * size
    square = _square(images, locations, side)
    glimpses = []
    for factor in factors:
        glimpse = _shrink(_center(square, factor * size), factor, dtype)
        glimpses.append(reshaping.from_channels_last(glimpse, data_format))
    return ops.stack(glimpses, axis=1)


def _square(images, locations, side: int):
    """Return squares of pixels around locations, zero outside the image."""
    _, height, width, _ = reshaping.shape(images)
    dtype = locations.dtype
    size = ops.stack([precision.cast(n, dtype) for n in (width, height)])
    corners = ops.floor((locations + 1) * size / 2)
    steps = ops.arange(side, dtype=dtype) - side // 2
    pixels = corners[..., None] + steps
    # Compared before the cast to integers, which is undefined for NaN and
    # infinity.
    is_inside = (pixels >= 0) & (pixels < size[:, None])
    index = precision.cast(ops.where(is_inside, pixels, 0), "int32")
    square = sampling.gather_pixels(
        images, index[:, 1, :, None], index[:, 0, None]
    )
    is_inside = is_inside[:, 1, :, None] & is_inside[:, 0, None]
    return sampling.zero_outside(square, is_inside)


def _center(square, side: int):
    """Return the pixels of a smaller square around the same location."""
    if side == square.shape[1]:
        return square
    first = square.shape[1] // 2 - side // 2
    return square[:, first : first + side, first : first + side]


def _shrink(square, factor: int, dtype: str):
    """Return the means of the tiles of `factor` x `factor` pixels."""
    if factor > 1:
        square = precision.cast(square, _tensors.sampling_dtype(dtype))
        square = resizing.average_pool(square, factor)
    return precision.cast(square, dtype)
