"""Shared code of sampling grids: sizes, parameters, output positions."""

import operator

import keras
import numpy as np
from keras import ops

from keras_attention._backend import native
from keras_attention._utils import validation
from keras_attention.ops import _tensors
from keras_attention.ops import precision


def matrix_spec(shape, theta, size, *, align_corners):
    """Return the shape and dtype of a grid computed from matrices."""
    return grid_spec("theta", theta, shape, size, align_corners)


def grid_spec(name, given, shape, size, align_corners):
    """Return the shape and dtype of a grid, and check its arguments."""
    dtype = _check_parameters(name, given, shape)
    size = size_of(size)
    validation.boolean("align_corners", align_corners)
    return (given.shape[0], *size, 2), dtype


def linear_map(theta, size, align_corners):
    """Compute `theta @ (x, y, 1)` at each location, in full precision."""
    height, width = size_of(size)
    validation.boolean("align_corners", align_corners)
    x, y = positions(ops, height, width, align_corners, dtype_of(theta))
    theta = theta[:, None, None]
    # All but one of the sums are over one row or one column only.
    return x[..., None] * theta[..., 0] + (
        y[..., None] * theta[..., 1] + theta[..., 2]
    )


def positions(maths, height, width, align_corners, dtype):
    """Return the normalized coordinates of columns (1, W) and rows (H, 1)."""

    def line(count, axis):
        if isinstance(count, int):
            length = max(count - 1, 1) if align_corners else count
            found = maths.arange(1 - count, count, 2, dtype=dtype) / length
        else:
            number = ops.cast(count, dtype)
            length = ops.maximum(number - 1, 1) if align_corners else number
            found = (2 * ops.arange(count, dtype=dtype) - (number - 1)) / length
        return found[None] if axis == 0 else found[:, None]

    return line(width, 0), line(height, 1)


def control_points(side: int) -> np.ndarray:
    """Return the points of a square grid, (side * side, 2), row by row."""
    ticks = np.linspace(-1, 1, side)
    y, x = np.meshgrid(ticks, ticks, indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=-1)


@native
def are_static(*sizes) -> bool:
    """Return whether NumPy may compute with sizes."""
    return all(isinstance(size, int) for size in sizes)


@native
def constant(function, *numbers, dtype: str):
    """Return what a function computes of numbers with NumPy, as a tensor."""
    return ops.convert_to_tensor(function(*numbers), dtype=dtype)


def dtype_of(x):
    """Return the name of the dtype of a tensor."""
    return keras.backend.standardize_dtype(x.dtype)


def parameters(name, value, shape):
    """Convert parameters of a grid to a tensor in its dtype."""
    value = ops.convert_to_tensor(value)
    return precision.cast(value, _check_parameters(name, value, shape))


def _check_parameters(name, value, shape):
    """Check the shape of parameters, and return the dtype of their grid."""
    found = tuple(value.shape)
    wanted = (found[1:2] if shape[0] is None else shape[:1]) + shape[1:]
    if len(found) != 3 or found[1:] != wanted:
        names = ", ".join("K" if n is None else str(n) for n in shape)
        raise ValueError(
            f"`{name}` must have shape (batch, {names}). "
            f"Received: {name}.shape={found}"
        )
    return _tensors.sampling_dtype(_tensors.float_dtype(name, value))


def size_of(size):
    """Return the height and width of a grid, as integers."""
    try:
        height, width = size
        return _extent(height), _extent(width)
    except (TypeError, ValueError, NotImplementedError):
        raise ValueError(
            "`size` must be a pair (height, width) of positive integers"
            + _cure(size)
            + f". Received: size={size!r}"
        ) from None


def _cure(size):
    """Return a hint for the error if a size is a symbolic tensor."""
    symbolic = (type(None), keras.KerasTensor)
    parts = size if isinstance(size, tuple | list) else (size,)
    if not any(isinstance(part, symbolic) for part in parts):
        return ""
    return (
        ". A size that is unknown in a functional model is known in the "
        "`call` of a layer: call the function there"
    )


def _extent(count):
    """Return a size as an `int`, or unchanged if it is a tensor."""
    if isinstance(count, bool | float | str | None | keras.KerasTensor):
        raise TypeError
    try:
        number = operator.index(count)
    except TypeError:
        return count
    return validation.positive_integer("size", number)
