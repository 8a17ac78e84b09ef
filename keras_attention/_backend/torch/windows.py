"""PyTorch's convolution, without the layouts of `keras.ops`."""

import torch
from torch.nn import functional

from keras_attention._backend.torch.vectors import value


def window_sums(planes, kernel):
    """Convolve planes (B, H, W) to one of their size."""
    kernel = value(kernel).permute(3, 2, 0, 1)
    stacked = torch.stack(planes, 1)
    before, after = (len(kernel[0, 0]) - 1) // 2, len(kernel[0, 0]) // 2
    if before != after:
        stacked = functional.pad(stacked, (before, after, before, after))
        before = 0
    return functional.conv2d(stacked, kernel, padding=before)[:, 0]
