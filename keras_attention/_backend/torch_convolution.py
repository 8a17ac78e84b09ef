"""Native forms of convolution, pooling and resizing for PyTorch.

They make no copies to transpose a map.
"""

import torch
from torch.nn import functional

from keras_attention._backend.torch import _value


def conv2d(
    definition,
    x,
    kernel,
    bias,
    *,
    strides,
    padding,
    dilation_rate,
    data_format,
):
    """Convolve a map, in groups if it has more channels than the kernel.

    With the channels last it takes half the time and less than that of
    `keras.ops.conv`, which copies the map to have them second.
    """
    x = _channels_first(x, data_format)
    kernel = kernel.permute(3, 2, 0, 1).contiguous()
    pads = [0, 0]
    is_broken = _is_broken(x, kernel, strides)
    if not isinstance(padding, str):
        x, pads = _padded_by(x, padding, by_copy=is_broken)
    if is_broken:
        rows, columns = _pair(strides)
        x, strides = x[:, :, ::rows, ::columns], 1
    elif padding == "same":
        x, pads = _padded(x, kernel.shape[2:], strides, dilation_rate)
    outputs = functional.conv2d(
        x,
        kernel,
        bias,
        stride=strides,
        padding=pads,
        dilation=dilation_rate,
        groups=x.shape[1] // kernel.shape[1],
    )
    return _from_channels_first(outputs, data_format)


def _is_broken(x, kernel, strides):
    """Whether oneDNN may write past the gradients of a convolution.

    PyTorch 2.13 does, with one thread, for a stride and few channels. Kernels
    of 1x1 need no padding, and may skip pixels beforehand.
    """
    return (
        not _sizes_vary()
        and _pair(strides) != (1, 1)
        and kernel.shape[2:] == (1, 1)
        and x.shape[1] < 8
    )


def _padded(x, kernel_size, strides, dilation_rate):
    """Return a map, and how many zeros it still needs on both sides."""
    strides, dilation_rate = _pair(strides), _pair(dilation_rate)
    rows, columns = (
        _same_padding(*sizes)
        for sizes in zip(
            x.shape[2:], strides, kernel_size, dilation_rate, strict=True
        )
    )
    if strides != (1, 1) and _sizes_vary():
        # No decision may depend on a size.
        return functional.pad(x, (*columns, *rows)), [0, 0]
    # The convolution has zeros of its own, as many on both sides.
    ends = [after - before for before, after in (rows, columns)]
    if any(ends):
        x = functional.pad(x, (0, ends[1], 0, ends[0]))
    return x, [rows[0], columns[0]]


def _padded_by(x, padding, by_copy):
    """Return a map, and how many zeros it still needs on both sides."""
    if not by_copy and all(before == after for before, after in padding):
        return x, [before for before, _ in padding]
    rows, columns = padding
    return functional.pad(x, (*columns, *rows)), [0, 0]


def _same_padding(size, stride, kernel_size, dilation_rate):
    """Zeros before and after an axis that `padding="same"` adds.

    There are as many windows as strides, the last one begun.
    """
    zeros = dilation_rate * (kernel_size - 1)
    if stride > 1:
        most = zeros
        zeros = zeros - (size - 1) % stride
        # Sizes are tensors to the tracer of TorchScript.
        if isinstance(zeros, torch.Tensor):
            zeros = zeros.clamp(min=0)
        elif most < stride - 1:
            zeros = torch.sym_max(zeros, 0)
    return zeros // 2, zeros - zeros // 2


def _sizes_vary():
    """Return whether a graph for variable sizes is being traced."""
    return torch.jit.is_tracing() or torch.compiler.is_exporting()


def _pair(numbers):
    return (numbers,) * 2 if isinstance(numbers, int) else tuple(numbers)


def conv2d_few_channels(definition, planes, kernel):
    """Convolve planes (B, H, W), the channels of a map."""
    kernel = _value(kernel).permute(3, 2, 0, 1)
    stacked = torch.stack(planes, 1)
    size = kernel.shape[-1]
    before, after = (size - 1) // 2, size // 2
    if before != after:
        stacked = functional.pad(stacked, (before, after, before, after))
        before = 0
    return functional.conv2d(stacked, kernel, padding=before)[:, 0]


def max_pool(definition, x, *, data_format):
    """Maxima of 3x3 windows with a stride of 2, padded as `"same"`."""
    x = _channels_first(x, data_format)
    if _sizes_vary():
        rows, columns = (_same_padding(size, 2, 3, 1) for size in x.shape[2:])
        x = functional.pad(x, (*columns, *rows), value=-torch.inf)
        outputs = functional.max_pool2d(x, 3, 2)
    else:
        # An odd size is padded at both ends, an even one at its end alone,
        # which is what rounding up the number of windows does.
        padding = [size % 2 for size in x.shape[2:]]
        outputs = functional.max_pool2d(
            x, 3, 2, padding=padding, ceil_mode=True
        )
    return _from_channels_first(outputs, data_format)


def average_pool(definition, x, factor):
    """Means of windows of `factor` x `factor`, channels last."""
    means = functional.avg_pool2d(x.permute(0, 3, 1, 2), factor)
    return means.permute(0, 2, 3, 1)


def resize_nearest(definition, x, size, *, data_format):
    """Resize maps: row `i` is row `floor(i * old / new)` of the old rows.

    PyTorch divides by the ratio of the sizes, which is exact for powers of two.
    """
    x = _channels_first(x, data_format)
    pairs = list(zip(x.shape[2:], size, strict=True))
    if _sizes_vary() or not all(_is_power_of_two(*pair) for pair in pairs):
        # The definition reads by `keras.ops.take`, which has no export to ONNX.
        for axis, (old, new) in enumerate(pairs, 2):
            index = torch.arange(new, device=x.device) * old // new
            x = x.index_select(axis, index)
        return _from_channels_first(x, data_format)
    outputs = functional.interpolate(x, tuple(size), mode="nearest")
    return _from_channels_first(outputs, data_format)


def _is_power_of_two(old, new):
    """Whether the ratio of two sizes is a power of two, at least 1."""
    factor = new // old
    return new == factor * old and factor & (factor - 1) == 0


def window_means(definition, x, extent, *, data_format):
    """Means of windows around every `extent`-th position."""
    outputs = functional.avg_pool2d(
        _channels_first(x, data_format),
        2 * extent - 1,
        extent,
        padding=extent - 1,
        count_include_pad=False,
    )
    return _from_channels_first(outputs, data_format)


def resize_linear(definition, x, size, *, align_corners, data_format):
    """Resize maps of any rank by linear interpolation along each axis."""
    mode = {3: "linear", 4: "bilinear", 5: "trilinear"}.get(x.ndim)
    if mode is None:
        return definition(
            x, size, align_corners=align_corners, data_format=data_format
        )
    last = data_format == "channels_last"
    outputs = functional.interpolate(
        # ONNX files accept no negative axis.
        x.movedim(x.ndim - 1, 1) if last else x,
        tuple(size),
        mode=mode,
        align_corners=align_corners,
    )
    return outputs.movedim(1, x.ndim - 1) if last else outputs


def _channels_first(x, data_format):
    return x.permute(0, 3, 1, 2) if data_format == "channels_last" else x


def _from_channels_first(x, data_format):
    return x.permute(0, 2, 3, 1) if data_format == "channels_last" else x
