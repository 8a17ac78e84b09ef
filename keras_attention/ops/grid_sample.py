"""Sampling of maps on grids (Jaderberg et al., 2015).

Keras has `ops.image.map_coordinates`, for one image at a time, without the
padding modes and the aligned corners of the published code, and 4 to 30 times
slower (docs/validation/speed.md).
"""

from keras import ops

from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.ops import _symbolic
from keras_attention.ops import _tensors
from keras_attention.ops import precision
from keras_attention.ops import sampling

INTERPOLATIONS = ("bilinear", "nearest", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")


def _output_spec(inputs, grid, **settings):
    batch, dtype, _ = _check(inputs, grid, **settings)
    data_format = settings["data_format"]
    channels = inputs.shape[data_formats.channel_axis(data_format, 4)]
    shape = (batch, *grid.shape[1:3], channels)
    return data_formats.shape_from_channels_last(shape, data_format), dtype


def _check(
    inputs, grid, *, interpolation, padding_mode, align_corners, data_format
):
    """Return the batch size, the dtype of the outputs and the dtype of sums."""
    validation.one_of("interpolation", interpolation, INTERPOLATIONS)
    validation.one_of("padding_mode", padding_mode, PADDING_MODES)
    validation.boolean("align_corners", align_corners)
    if len(inputs.shape) != 4:
        raise ValueError(
            "`inputs` must have rank 4. "
            f"Received: inputs.shape={tuple(inputs.shape)}"
        )
    if len(grid.shape) != 4 or grid.shape[-1] != 2:
        raise ValueError(
            "`grid` must have shape (batch, height, width, 2). "
            f"Received: grid.shape={tuple(grid.shape)}"
        )
    batch = _tensors.batch_size(inputs=inputs, grid=grid)
    dtype = _tensors.float_dtype("inputs", inputs)
    sampling_dtype = _tensors.sampling_dtype(
        dtype, _tensors.float_dtype("grid", grid)
    )
    return batch, dtype, sampling_dtype


@_symbolic.takes_symbolic(_output_spec, "inputs", "grid")
def grid_sample(
    inputs,
    grid,
    *,
    interpolation: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool = True,
    data_format: str | None = None,
):
    r"""Samples a map at the locations of a grid, with interpolation.

    .. math::

        y_{p,c} = \sum_{n,m} x_{n,m,c}\, k(v_p - n)\, k(u_p - m)

    where :math:`(u_p, v_p)` is the location in pixels that the grid gives for
    position :math:`p` of the output, and :math:`k` the kernel of the
    interpolation: :math:`\max(0, 1 - |d|)` for bilinear, the cubic of Keys with
    parameter :math:`-3/4` for bicubic.

    Values and gradients, of the inputs and of the grid, are those of PyTorch's
    function of the same name. Locations are computed in float32 or float64.

    Args:
        inputs: Tensor of rank 4, the maps. Integers are converted to floats.
        grid: Float tensor of shape `(batch, new_height, new_width, 2)`:
            locations in the order :math:`(x, y)`, from -1 to 1 over the map.
        interpolation: `"bilinear"`, `"nearest"` or `"bicubic"`. `"nearest"`
            rounds halves to the even pixel; the gradient of the grid is then
            zero.
        padding_mode: Values outside the map: `"zeros"`, the nearest `"border"`
            pixel, or the `"reflection"` of the map.
        align_corners: Whether -1 and 1 are the centers of the pixels at the
            ends, rather than their outer edges. It must be the same as for the
            grid.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.

    Returns:
        A tensor of the dtype of `inputs`, of shape `(batch, new_height,
        new_width, channels)`, or `(batch, channels, new_height, new_width)`. A
        location that is not finite returns NaN, zero or a value of the map,
        as in PyTorch, where it depends on the device. Memory outside the map is
        never read.

    Raises:
        ValueError: If an argument is not as described above.

    Example:

    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> center_and_corner = np.array([[0.0, 0.0], [1.0, -1.0]])
    >>> y = keras_attention.ops.grid_sample(
    ...     x, center_and_corner.reshape(1, 1, 2, 2)
    ... )
    >>> keras.ops.convert_to_numpy(y).ravel().tolist()
    [2.5, 2.0]

    Reference:
        `Spatial Transformer Networks <https://arxiv.org/abs/1506.02025>`_,
        section 3.3.

    Note:
        The paper rounds halves up. The default of PyTorch's function is
        `align_corners=False`.
    """
    data_format = data_formats.resolve_data_format(data_format)
    inputs = ops.convert_to_tensor(inputs)
    grid = ops.convert_to_tensor(grid)
    settings = {
        "interpolation": interpolation,
        "padding_mode": padding_mode,
        "align_corners": align_corners,
        "data_format": data_format,
    }
    _, output_dtype, dtype = _check(inputs, grid, **settings)
    outputs = sampling.interpolate(
        precision.cast(inputs, dtype), precision.cast(grid, dtype), **settings
    )
    return precision.cast(outputs, output_dtype)
