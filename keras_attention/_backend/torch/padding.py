"""The zeros of `padding="same"`, for sizes that may be symbolic."""

import torch


def same(size, stride, taps, dilation_rate):
    """Return how many zeros lie before and after an axis of `size`.

    The windows are as many as strides, the last one begun.
    """
    zeros = dilation_rate * (taps - 1)
    if stride > 1:
        few = zeros < stride - 1
        zeros = zeros - (size - 1) % stride
        if few:
            # Sizes are tensors to the tracer of TorchScript.
            tensor = isinstance(zeros, torch.Tensor)
            zeros = zeros.clamp(min=0) if tensor else torch.sym_max(zeros, 0)
    return zeros // 2, zeros - zeros // 2


def sizes_vary():
    """Return whether a graph is recorded that shall take other sizes."""
    return torch.jit.is_tracing() or torch.compiler.is_exporting()
