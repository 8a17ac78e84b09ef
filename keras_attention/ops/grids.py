"""Sampling grids: affine, projective and thin-plate spline."""

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention import _arguments
from keras_attention import _backend
from keras_attention.ops import _symbolic
from keras_attention.ops import _tensors


def _matrix_spec(shape, theta, size, *, align_corners):
    """Return the shape and dtype of a grid by matrices of a shape."""
    return _grid_spec("theta", theta, shape, size, align_corners)


def _spline_spec(points, size, *, align_corners):
    spec = _grid_spec("points", points, (None, 2), size, align_corners)
    _side(points)
    return spec


def _grid_spec(name, parameters, shape, size, align_corners):
    dtype = _check_parameters(name, parameters, shape)
    size = _size(size)
    _arguments.boolean("align_corners", align_corners)
    return (parameters.shape[0], *size, 2), dtype


@_symbolic.takes_symbolic(functools.partial(_matrix_spec, (2, 3)), "theta")
def affine_grid(theta, size: Sequence[Any], *, align_corners: bool = True):
    r"""Returns the sampling grid of affine transformations.

    .. math::

        \begin{pmatrix} u \\ v \end{pmatrix} =
        \theta \begin{pmatrix} x \\ y \\ 1 \end{pmatrix}

    where :math:`(x, y)` runs from -1 to 1 over the output.

    Args:
        theta: Float tensor of shape `(batch, 2, 3)`.
        size: Height and width of the output.
        align_corners: Whether -1 and 1 are the centres of the pixels at the
            ends, rather than their outer edges.

    Returns:
        A tensor of shape `(batch, height, width, 2)` in the order
        :math:`(u, v)`, which `grid_sample` takes, in float32 or float64.

    Raises:
        ValueError: If an argument is not as described above.

    Example:

    >>> mirror = np.array([[[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> grid = keras_attention.ops.affine_grid(mirror, (1, 3))
    >>> keras.ops.convert_to_numpy(grid)[0, 0].tolist()
    [[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]

    Reference:
        `Spatial Transformer Networks <https://arxiv.org/abs/1506.02025>`_,
        equation 1.
    """
    theta = _parameters("theta", theta, (2, 3))
    return _linear_map(theta, size, align_corners)


@_symbolic.takes_symbolic(functools.partial(_matrix_spec, (3, 3)), "theta")
def projective_grid(theta, size: Sequence[Any], *, align_corners: bool = True):
    r"""Returns the sampling grid of projective transformations.

    .. math::

        \begin{pmatrix} u' \\ v' \\ w \end{pmatrix} =
        \theta \begin{pmatrix} x \\ y \\ 1 \end{pmatrix}, \qquad
        u = \frac{u'}{w}, \quad v = \frac{v'}{w}

    where :math:`(x, y)` runs from -1 to 1 over the output. Where :math:`w` is
    zero the place is not finite.

    Args:
        theta: Float tensor of shape `(batch, 3, 3)`.
        size: Height and width of the output.
        align_corners: Whether -1 and 1 are the centres of the pixels at the
            ends, rather than their outer edges.

    Returns:
        A tensor of shape `(batch, height, width, 2)` in the order
        :math:`(u, v)`, which `grid_sample` takes, in float32 or float64.

    Raises:
        ValueError: If an argument is not as described above.

    Example:

    >>> half = np.diag([1.0, 1.0, 2.0])[np.newaxis]
    >>> grid = keras_attention.ops.projective_grid(half, (1, 3))
    >>> keras.ops.convert_to_numpy(grid)[0, 0].tolist()
    [[-0.5, 0.0], [0.0, 0.0], [0.5, 0.0]]

    Reference:
        `Spatial Transformer Networks <https://arxiv.org/abs/1506.02025>`_,
        section 3.2.
    """
    theta = _parameters("theta", theta, (3, 3))
    places = _linear_map(theta, size, align_corners)
    return places[..., :2] / places[..., 2:]


@_symbolic.takes_symbolic(_spline_spec, "points")
def tps_grid(points, size: Sequence[Any], *, align_corners: bool = True):
    r"""Returns the sampling grid of thin-plate spline transformations.

    The spline is the smoothest map that sends the :math:`k`-th point
    :math:`c_k` of a regular grid over the output to `points[k]`:

    .. math::

        f(p) = a_0 + A p + \sum_k w_k\, \phi(|p - c_k|), \qquad
        \phi(r) = r^2 \log r^2, \qquad
        \sum_k w_k = 0, \quad \sum_k w_k c_k^\top = 0

    Args:
        points: Float tensor of shape `(batch, K, 2)`, in the order
            :math:`(x, y)`. :math:`K \ge 4` is a square number, and the points
            :math:`c_k` are those of a square from -1 to 1 in rows from top to
            bottom, each from left to right.
        size: Height and width of the output.
        align_corners: Whether -1 and 1 are the centres of the pixels at the
            ends, rather than their outer edges.

    Returns:
        A tensor of shape `(batch, height, width, 2)` in the order
        :math:`(x, y)`, which `grid_sample` takes, in float32 or float64.

    Raises:
        ValueError: If an argument is not as described above.

    Example:

    >>> corners = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1.0]])
    >>> grid = keras_attention.ops.tps_grid(corners[np.newaxis] / 2, (3, 3))
    >>> keras.ops.convert_to_numpy(grid)[0, [0, 2], [0, 2]].round(5).tolist()
    [[-0.5, -0.5], [0.5, 0.5]]

    Reference:
        `Principal warps: thin-plate splines and the decomposition of
        deformations <https://doi.org/10.1109/34.24792>`_.
    """
    points = _parameters("points", points, (None, 2))
    side = _side(points)
    height, width = _size(size)
    _arguments.boolean("align_corners", align_corners)
    if isinstance(height, int) and isinstance(width, int):
        shares = _static_shares(side, height, width, align_corners)
    else:
        shares = _shares(
            ops, side, height, width, align_corners, _dtype_of(points)
        )
    shares = ops.expand_dims(ops.cast(shares, points.dtype), -1)
    centres = ops.cast(control_points(side), points.dtype)
    # By how the points are moved, so that the identity is exact.
    moves = ops.expand_dims(points - centres, (1, 2))
    x, y = _positions(ops, height, width, align_corners, _dtype_of(points))
    identity = ops.stack(
        [x + ops.zeros_like(y), y + ops.zeros_like(x)], axis=-1
    )
    return identity + ops.sum(shares * moves, axis=-2)


def control_points(side: int) -> np.ndarray:
    """Return the points of a square grid, (side * side, 2), row by row."""
    ticks = np.linspace(-1, 1, side)
    y, x = np.meshgrid(ticks, ticks, indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=-1)


@functools.lru_cache(maxsize=16)
def _static_shares(side, height, width, align_corners):
    return _shares(np, side, height, width, align_corners, "float64")


def _shares(maths, side, height, width, align_corners, dtype):
    """Return what part of each control point's move a position follows.

    The result is (height, width, K). `maths` is NumPy, or `keras.ops` where
    sizes are not known yet.
    """
    centres = maths.array(control_points(side), dtype=dtype)
    x, y = _positions(maths, height, width, align_corners, dtype)
    squares = (maths.expand_dims(x, -1) - centres[:, 0]) ** 2 + (
        maths.expand_dims(y, -1) - centres[:, 1]
    ) ** 2
    ones = maths.ones_like(squares[..., :1])
    terms = maths.concatenate(
        [
            _spline(maths, squares),
            ones,
            maths.expand_dims(x, -1) * ones,
            maths.expand_dims(y, -1) * ones,
        ],
        axis=-1,
    )
    return maths.matmul(terms, maths.array(_solution(side), dtype=dtype))


def _solution(side: int) -> np.ndarray:
    """Return the matrix from moves of points to the spline's coefficients."""
    centres = control_points(side)
    count = len(centres)
    squares = ((centres[:, np.newaxis] - centres) ** 2).sum(-1)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _spline(np, squares)
    system[:count, count] = system[count, :count] = 1
    system[:count, count + 1 :] = centres
    system[count + 1 :, :count] = centres.T
    return np.linalg.inv(system)[:, :count]


def _spline(maths, squares):
    return squares * maths.log(maths.maximum(squares, 1e-30))


def _linear_map(theta, size, align_corners):
    """Return `theta @ (x, y, 1)` at each position, exactly so on GPUs too."""
    height, width = _size(size)
    _arguments.boolean("align_corners", align_corners)
    x, y = _positions(ops, height, width, align_corners, _dtype_of(theta))
    theta = ops.expand_dims(theta, (1, 2))
    # All but one sum are of a row or a column of places.
    return ops.expand_dims(x, -1) * theta[..., 0] + (
        ops.expand_dims(y, -1) * theta[..., 1] + theta[..., 2]
    )


def _positions(maths, height, width, align_corners, dtype):
    """Return where an output's columns (1, W) and rows (H, 1) lie."""

    def line(count, axis):
        if isinstance(count, int):
            found = _line(count, align_corners, dtype)
        else:
            number = ops.cast(count, dtype)
            length = ops.maximum(number - 1, 1) if align_corners else number
            found = (2 * ops.arange(count, dtype=dtype) - (number - 1)) / length
        return maths.expand_dims(found, axis)

    return line(width, 0), line(height, 1)


@functools.lru_cache(maxsize=64)
def _line(count, align_corners, dtype):
    steps = np.arange(count, dtype=dtype)
    length = max(count - 1, 1) if align_corners else count
    return (2 * steps - (count - 1)) / np.asarray(length, dtype)


def _dtype_of(x):
    return keras.backend.standardize_dtype(x.dtype)


def _parameters(name, value, shape):
    value = ops.convert_to_tensor(value)
    return _backend.cast(value, _check_parameters(name, value, shape))


def _check_parameters(name, value, shape):
    """Return the dtype of the grid that parameters of a shape make."""
    found = tuple(value.shape)
    wanted = (found[1:2] if shape[0] is None else shape[:1]) + shape[1:]
    if len(found) != 3 or found[1:] != wanted:
        names = ", ".join("K" if n is None else str(n) for n in shape)
        raise ValueError(
            f"`{name}` must have shape (batch, {names}). "
            f"Received: {name}.shape={found}"
        )
    return _tensors.wide(_tensors.float_dtype(name, value))


def _side(points):
    """Return how many control points are along a side of the square."""
    count = points.shape[1] or 0
    side = math.isqrt(count)
    if side < 2 or side**2 != count:
        raise ValueError(
            "`points` must be a square number of points, at least 4. "
            f"Received: points.shape={tuple(points.shape)}"
        )
    return side


def _size(size):
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
    """Return what helps where a symbolic tensor gave a size."""
    symbolic = (type(None), keras.KerasTensor)
    parts = size if isinstance(size, tuple | list) else (size,)
    if not any(isinstance(part, symbolic) for part in parts):
        return ""
    return (
        ". A size that is unknown in a functional model is known in the "
        "`call` of a layer: call the function there"
    )


def _extent(count):
    """Return a size as an `int`, or as it is if it is a tensor."""
    if isinstance(count, bool | float | str | None | keras.KerasTensor):
        raise TypeError
    try:
        number = operator.index(count)
    except TypeError:
        return count
    return _arguments.positive_integer("size", number)
