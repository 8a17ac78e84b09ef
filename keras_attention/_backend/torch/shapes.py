"""Shapes and dtypes of tensors."""

import torch

from keras_attention._backend.plain import shapes
from keras_attention._backend.torch.vectors import value


def cast(x, dtype):
    """Return a tensor or variable in a dtype."""
    x = value(x)
    dtype = getattr(torch, dtype) if isinstance(dtype, str) else dtype
    if isinstance(x, torch.Tensor) and isinstance(dtype, torch.dtype):
        return x.to(dtype)
    return shapes.cast(x, dtype)


def expand_dims(x, axes):
    """Return `x` with new axes of size 1, which are not negative."""
    for axis in axes:
        x = x.unsqueeze(axis)
    return x


def reshape(x, shape):
    """Return `x` in another shape."""
    if not isinstance(x, torch.Tensor):
        return shapes.reshape(x, shape)
    return x.reshape(shape)
