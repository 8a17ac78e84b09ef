"""Products without the copies that change the order of axes."""

import torch

from keras_attention._backend.torch import padding as zeros


def pointwise(x, kernel, bias, *, axis):
    """Return `kernel` applied to vectors along axis 1 or the last.

    For a map with the channels last it is a convolution, as of what multiplies
    matrices on a processor of AMD's, that takes half the time `linear` does.
    """
    if x.ndim != 3:
        return torch.nn.functional.linear(x, kernel.T, bias)
    if axis == 1:
        # Its gradients take half the time that those of a convolution do.
        kernels = kernel.T.expand(x.shape[0], -1, -1)
        return torch.baddbmm(bias[:, None], kernels, x)
    outputs = torch.nn.functional.conv2d(
        x[:, None].permute(0, 3, 1, 2), kernel.T[:, :, None, None], bias
    )
    return outputs.permute(0, 2, 3, 1)[:, 0]


def conv2d(x, kernel, bias, *, strides, padding, dilation_rate, data_format):
    """Return a convolution. A `bias` may be `None`.

    With the channels last it takes half the time and less than that of
    `keras.ops.conv`, which copies the map to have them second.
    """
    last = data_format == "channels_last"
    if last:
        x = x.permute(0, 3, 1, 2)
    kernel = kernel.permute(3, 2, 0, 1).contiguous()
    around = [0, 0]
    if _is_broken(x, kernel, strides):
        rows, columns = _pair(strides)
        x, strides = x[:, :, ::rows, ::columns], 1
    elif padding == "same":
        x, around = _padded(x, kernel.shape[2:], strides, dilation_rate)
    outputs = torch.nn.functional.conv2d(
        x,
        kernel,
        bias,
        stride=strides,
        padding=around,
        dilation=dilation_rate,
        groups=x.shape[1] // kernel.shape[1],
    )
    return outputs.permute(0, 2, 3, 1) if last else outputs


def _is_broken(x, kernel, strides):
    """Return whether oneDNN may write past the gradients of a convolution.

    PyTorch 2.13 does, with one thread, for a stride and few channels. Kernels
    of one tap need no padding, and may skip pixels beforehand.
    """
    return (
        not zeros.sizes_vary()
        and _pair(strides) != (1, 1)
        and kernel.shape[2:] == (1, 1)
        and x.shape[1] < 8
    )


def _padded(x, kernel_size, strides, dilation_rate):
    """Return a map, and how many zeros it still needs on both sides."""
    strides, dilation_rate = _pair(strides), _pair(dilation_rate)
    rows, columns = (
        zeros.same(*sizes)
        for sizes in zip(
            x.shape[2:], strides, kernel_size, dilation_rate, strict=True
        )
    )
    if strides != (1, 1) and zeros.sizes_vary():
        # No decision may depend on a size.
        return torch.nn.functional.pad(x, (*columns, *rows)), [0, 0]
    # The convolution has zeros of its own, as many on both sides.
    ends = [after - before for before, after in (rows, columns)]
    if any(ends):
        x = torch.nn.functional.pad(x, (0, ends[1], 0, ends[0]))
    return x, [rows[0], columns[0]]


def _pair(numbers):
    return (numbers,) * 2 if isinstance(numbers, int) else tuple(numbers)
