"""The zeros of `padding="same"`, for sizes that may be symbolic."""

import torch


def same(size, stride, taps, dilation_rate):
    """Return how many zeros lie before and after an axis of `size`.

    The windows are as many as strides, the last one begun.
    """
    zeros = dilation_rate * (taps - 1)
    if stride > 1:
        all_taps = zeros
        zeros = zeros - (size - 1) % stride
        # Sizes are tensors to the tracer of TorchScript.
        if isinstance(zeros, torch.Tensor):
            zeros = zeros.clamp(min=0)
        elif all_taps < stride - 1:
            zeros = torch.sym_max(zeros, 0)
    return zeros // 2, zeros - zeros // 2


def sizes_vary():
    """Return whether a graph is recorded that shall take other sizes."""
    return torch.jit.is_tracing() or torch.compiler.is_exporting()
