"""PyTorch's own weighted mean."""

import torch


def blend(x, residual, weight):
    """Return `x * weight + residual * (1 - weight)`.

    In one pass, where the plain form takes three, and twice as long.
    """
    return torch.lerp(residual, x, weight)
