"""Sampling of maps at offsets from their own pixels."""

from keras import ops

from keras_attention._utils import data_formats
from keras_attention.ops import _pixels
from keras_attention.ops import _symbolic
from keras_attention.ops import _tensors
from keras_attention.ops import precision
from keras_attention.ops import reshaping


def _output_spec(inputs, offsets, *, data_format):
    """Return the shape and dtype of the outputs, or raise an error."""
    _check(tuple(inputs.shape), tuple(offsets.shape), data_format)
    batch = _tensors.batch_size(inputs=inputs, offsets=offsets)
    shape = [batch, *inputs.shape[1:]]
    axes = data_formats.spatial_axes(data_format, 4)
    first = len(offsets.shape) == 5 and data_format == "channels_first"
    for axis, found in zip(axes, axes if first else (1, 2), strict=True):
        shape[axis] = shape[axis] or offsets.shape[found]
    _tensors.float_dtype("offsets", offsets)
    return tuple(shape), _tensors.float_dtype("inputs", inputs)


@_symbolic.takes_symbolic(_output_spec, "inputs", "offsets")
def sample_offsets(inputs, offsets, *, data_format: str | None = None):
    r"""Samples a map bilinearly at its own pixels plus offsets.

    .. math::

        y_{i,j,c} = x_c\bigl(\min(\max(i + \Delta_y, 0), H - 1),
        \min(\max(j + \Delta_x, 0), W - 1)\bigr)

    Each coordinate is clamped to its own axis. Positions are computed in
    float32 or float64.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`. Integers are
            converted to floats.
        offsets: Float tensor of shape `(batch, height, width, channels, 2)`, or
            `(batch, height, width, 2)` for all channels: the ways
            :math:`(\Delta_y, \Delta_x)` in pixels.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.

    Returns:
        A tensor of the shape and (float) dtype of `inputs`. With
        `data_format="channels_first"` the shape of the output and of `inputs`
        is `(batch, channels, height, width)`, and that of `offsets` `(batch,
        channels, height, width, 2)`, or `(batch, height, width, 2)`. An
        infinite offset samples the border, and a NaN offset returns NaN.

    Raises:
        ValueError: If an argument is not as described above.

    Example:

    >>> x = np.array([[1.0, 2.0, 4.0]]).reshape(1, 1, 3, 1)
    >>> half_a_pixel_right = np.tile([0, 0.5], (1, 1, 3, 1))
    >>> y = keras_attention.ops.sample_offsets(x, half_a_pixel_right)
    >>> np.asarray(y).ravel().tolist()
    [1.5, 3.0, 4.0]

    Reference:
        `Deformable Convolutional Networks <https://arxiv.org/abs/1703.06211>`_,
        section 2, in the form of
        https://github.com/oeway/pytorch-deform-conv.

    Note:
        As in that code, the four pixels are those of floor and ceiling: at a
        whole pixel all four are the same, and the gradient of the offset is
        zero. That code clamps both coordinates to the height.
    """
    data_format = data_formats.resolve_data_format(data_format)
    inputs, offsets = map(ops.convert_to_tensor, (inputs, offsets))
    _check(tuple(inputs.shape), tuple(offsets.shape), data_format)
    output_dtype = _tensors.float_dtype("inputs", inputs)
    _tensors.float_dtype("offsets", offsets)
    dtype = _tensors.sampling_dtype(output_dtype)
    maps, offsets = (
        precision.cast(inputs, dtype),
        precision.cast(offsets, dtype),
    )
    first = data_format == "channels_first"
    if len(offsets.shape) == 4:
        maps = ops.transpose(maps, (0, 2, 3, 1)) if first else maps
        outputs = _resample(maps, offsets)
        outputs = ops.transpose(outputs, (0, 3, 1, 2)) if first else outputs
        return precision.cast(outputs, output_dtype)
    axes = data_formats.spatial_axes(data_format, 4)
    rows, columns = _pixels_of(maps, axes)
    outputs = _pixels.sample_channels_clamped(
        maps, offsets[..., 0] + rows, offsets[..., 1] + columns, axes
    )
    return precision.cast(outputs, output_dtype)


def _resample(maps, offsets):
    """Sample maps (N, H, W, D) at their pixels plus offsets (N, H, W, 2)."""
    rows, columns = _pixels_of(maps[..., 0], (1, 2))
    return _pixels.sample_clamped(
        maps, offsets[..., 0] + rows, offsets[..., 1] + columns
    )


def _pixels_of(maps, axes):
    """Return the rows and columns of maps, in shapes that broadcast."""
    shape, rank = reshaping.shape(maps), len(maps.shape)
    return (
        reshaping.reshape(
            ops.arange(shape[axis], dtype=maps.dtype),
            (-1, *(1,) * (rank - 1 - axis)),
        )
        for axis in axes
    )


def _check(shape, offsets_shape, data_format):
    if len(shape) != 4:
        raise ValueError(
            f"`inputs` must have rank 4. Received: inputs.shape={shape}"
        )
    axes = data_formats.spatial_axes(data_format, 4)
    shared = (shape[0], *(shape[axis] for axis in axes), 2)
    wanted = {4: shared, 5: (*shape, 2)}.get(len(offsets_shape), ())
    if len(wanted) != len(offsets_shape) or any(
        None not in (a, b) and a != b
        for a, b in zip(wanted, offsets_shape, strict=True)
    ):
        raise ValueError(
            f"`offsets` must have shape {(*shape, 2)}, or {shared} for all "
            f"channels. Received: offsets.shape={offsets_shape}"
        )
