"""Deformable 2D convolution as a function (Dai et al., 2017).

No library has it for Keras, and that of torchvision is for PyTorch alone.
"""

from typing import Any

from keras import ops

from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.ops import _pixels
from keras_attention.ops import _symbolic
from keras_attention.ops import _tensors
from keras_attention.ops import deformation
from keras_attention.ops import precision
from keras_attention.ops import reshaping
from keras_attention.ops import sampling
from keras_attention.ops.windows import Windows


def _output_spec(inputs, offsets, kernel, mask=None, bias=None, **settings):
    shape, dtype, _ = _check(inputs, offsets, kernel, mask, bias, **settings)
    return shape, dtype


def _check(
    inputs,
    offsets,
    kernel,
    mask,
    bias,
    *,
    strides,
    padding,
    dilation_rate,
    groups,
    offset_groups,
    data_format,
):
    """Return the shape and dtype of the outputs, and the windows."""
    groups = validation.positive_integer("groups", groups)
    offset_groups = validation.positive_integer("offset_groups", offset_groups)
    _require(len(inputs.shape) == 4, "`inputs` must have rank 4", inputs=inputs)
    channels = data_formats.channel_count(inputs.shape, data_format)
    _require(
        len(kernel.shape) == 4
        and None not in kernel.shape
        and kernel.shape[2] * groups == channels
        and kernel.shape[3] % groups == 0,
        "`kernel` must have shape (height, width, channels / groups, filters) "
        f"for {channels} channels and {groups} groups, which divide both "
        "channels and filters",
        kernel=kernel,
    )
    _require(
        channels % offset_groups == 0,
        "the number of channels must be a multiple of `offset_groups` "
        f"({offset_groups})",
        inputs=inputs,
    )
    windows = Windows(tuple(kernel.shape[:2]), strides, padding, dilation_rate)
    spatial = data_formats.spatial_axes(data_format, 4)
    size = [
        windows.count(inputs.shape[axis], i) for i, axis in enumerate(spatial)
    ]
    moved = {"offsets": (offsets, 2)}
    if mask is not None:
        moved["mask"] = (mask, 1)
    for name, (tensor, values) in moved.items():
        wanted = values * offset_groups * windows.taps
        found = tuple(tensor.shape)
        _require(
            len(found) == 4
            and found[data_formats.channel_axis(data_format, 4)] == wanted
            and all(
                found[axis] is None or n is None or found[axis] == n
                for axis, n in zip(spatial, size, strict=True)
            ),
            f"`{name}` must have {wanted} channels and the spatial size "
            f"{tuple(size)} of the outputs",
            **{name: tensor},
        )
        size = [
            found[axis] if n is None else n
            for axis, n in zip(spatial, size, strict=True)
        ]
        _tensors.float_dtype(name, tensor)
    filters = kernel.shape[3]
    if bias is not None:
        _require(
            tuple(bias.shape) == (filters,),
            f"`bias` must have shape (filters,), here ({filters},)",
            bias=bias,
        )
        _tensors.float_dtype("bias", bias)
    _tensors.float_dtype("kernel", kernel)
    batch = _tensors.batch_size(
        inputs=inputs, **{name: tensor for name, (tensor, _) in moved.items()}
    )
    return (
        data_formats.shape_from_channels_last(
            (batch, *size, filters), data_format
        ),
        _tensors.float_dtype("inputs", inputs),
        windows,
    )


@_symbolic.takes_symbolic(
    _output_spec, "inputs", "offsets", "kernel", "mask", "bias"
)
def deform_conv2d(
    inputs,
    offsets,
    kernel,
    *,
    mask=None,
    bias=None,
    strides: Any = 1,
    padding: Any = "valid",
    dilation_rate: Any = 1,
    groups: int = 1,
    offset_groups: int = 1,
    data_format: str | None = None,
):
    r"""Deformable 2D convolution (v1 and v2), as a function.

    .. math::

        y_p = \sum_n w_n\, m_{p,n}\, x(s p - a + d n + \Delta_{p,n}) + b

    where :math:`n` runs over the taps of the kernel, from (0, 0) on, :math:`s`
    are the strides, :math:`a` the padding, :math:`d` the dilation, and
    :math:`x(q)` is the map read bilinearly at a position in pixels, zero
    outside. With offsets :math:`\Delta` of zero and a mask :math:`m` of one,
    or none, it is a convolution.

    The order of channels is that of torchvision's function of the same name.
    Positions are computed in float32 or float64.

    Args:
        inputs: Float tensor of shape `(batch, height, width, channels)`.
        offsets: Float tensor of shape `(batch, new_height, new_width, 2 *
            offset_groups * kernel_height * kernel_width)`: for each group of
            channels, tap by tap, row by row, the offset :math:`(\Delta_y,
            \Delta_x)` in pixels.
        kernel: Float tensor of shape `(kernel_height, kernel_width, channels /
            groups, filters)`.
        mask: Float tensor of shape `(batch, new_height, new_width,
            offset_groups * kernel_height * kernel_width)`, or `None`. It is
            applied without a sigmoid.
        bias: Float tensor of shape `(filters,)`, or `None`.
        strides: Step of the window: one number, or one each for height and
            width.
        padding: `"valid"`, `"same"`, or the number of zeros on each side: one
            number, or one each for height and width. `"same"` is that of
            `keras.layers.Conv2D`, which with strides differs from PyTorch.
        dilation_rate: Distance of the taps: one number, or one each for height
            and width.
        groups: Number of groups of the convolution.
        offset_groups: Number of groups of channels with separate offsets and
            masks.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.

    Returns:
        A tensor of the dtype of `inputs`, of shape `(batch, new_height,
        new_width, filters)`. With `data_format="channels_first"` the channel
        axis of the output, `inputs`, `offsets` and `mask` is the second. An
        infinite offset samples zero, and a NaN offset returns NaN. Memory
        outside the map is never read.

    Raises:
        ValueError: If an argument is not as described above.

    Example:

    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> half_a_pixel_right = np.tile([0, 0.5], (1, 3, 3, 1))
    >>> y = keras_attention.ops.deform_conv2d(
    ...     x, half_a_pixel_right, np.ones((1, 1, 1, 1))
    ... )
    >>> np.asarray(y)[0, ..., 0].tolist()
    [[0.5, 1.5, 1.0], [3.5, 4.5, 2.5], [6.5, 7.5, 4.0]]

    Reference:
        `Deformable Convolutional Networks <https://arxiv.org/abs/1703.06211>`_,
        equation 2, and, for the mask, `Deformable ConvNets v2
        <https://arxiv.org/abs/1811.11168>`_, equation 1.
    """
    data_format = data_formats.resolve_data_format(data_format)
    inputs, offsets, kernel = map(
        ops.convert_to_tensor, (inputs, offsets, kernel)
    )
    if mask is not None:
        mask = ops.convert_to_tensor(mask)
    if bias is not None:
        bias = ops.convert_to_tensor(bias)
    _, dtype, windows = _check(
        inputs,
        offsets,
        kernel,
        mask,
        bias,
        strides=strides,
        padding=padding,
        dilation_rate=dilation_rate,
        groups=groups,
        offset_groups=offset_groups,
        data_format=data_format,
    )
    groups, offset_groups = int(groups), int(offset_groups)
    spatial = data_formats.spatial_axes(data_format, 4)
    size = tuple(reshaping.shape(inputs)[axis] for axis in spatial)
    maps = precision.cast(inputs, _tensors.sampling_dtype(dtype))

    def parts(tensor, values):
        """Reshape maps to (B, groups, windows, taps, values)."""
        tensor = precision.cast(tensor, maps.dtype)
        last = (offset_groups, windows.taps, values)
        # A single reshape, with the sizes of the tensor itself: for a tensor
        # that was reshaped before, tf2onnx uses the shape before the reshape.
        batch, *sizes = reshaping.shape(tensor)
        rows, columns = (sizes[axis - 1] for axis in spatial)
        locations = rows * columns
        if data_format == "channels_first":
            tensor = reshaping.reshape(tensor, (batch, *last, locations))
            return ops.transpose(tensor, (0, 1, 4, 2, 3))
        tensor = reshaping.reshape(tensor, (batch, locations, *last))
        return ops.transpose(tensor, (0, 2, 1, 3, 4))

    moves = parts(offsets, 2)
    height, width = (reshaping.shape(offsets)[axis] for axis in spatial)
    rows, columns = windows.positions(size, (height, width), maps.dtype)
    grouped = deformation.grouped(maps, offset_groups, data_format)
    taps = _pixels.fading_taps(
        size,
        reshaping.merge_first(moves[..., 0] + rows),
        reshaping.merge_first(moves[..., 1] + columns),
        None if mask is None else reshaping.merge_first(parts(mask, 1)[..., 0]),
    )
    outputs = deformation.deform(
        sampling.as_table(grouped),
        taps,
        precision.cast(kernel, dtype),
        groups=groups,
        offset_groups=offset_groups,
    )
    if bias is not None:
        outputs = outputs + precision.cast(bias, dtype)
    filters = kernel.shape[3]
    if data_format == "channels_first":
        outputs = ops.transpose(outputs, (0, 2, 1))
        return reshaping.reshape(outputs, (-1, filters, height, width))
    return reshaping.reshape(outputs, (-1, height, width, filters))


def _require(condition, what, **received):
    if not condition:
        ((name, tensor),) = received.items()
        raise ValueError(
            f"{what[0].upper()}{what[1:]}. "
            f"Received: {name}.shape={tuple(tensor.shape)}"
        )
