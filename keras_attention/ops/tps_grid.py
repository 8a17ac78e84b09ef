"""Sampling grids of thin-plate spline transformations.

SciPy solves the same equations, but without gradients on the backends.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_attention._utils import validation
from keras_attention.ops import _symbolic
from keras_attention.ops import grids
from keras_attention.ops import products


def _spline_spec(points, size, *, align_corners):
    spec = grids.grid_spec("points", points, (None, 2), size, align_corners)
    _side(points)
    return spec


@_symbolic.takes_symbolic(_spline_spec, "points")
def tps_grid(points, size: Sequence[Any], *, align_corners: bool = True):
    r"""Returns the sampling grid of thin-plate spline transformations.

    The spline is the smoothest function that maps the :math:`k`-th control
    point :math:`c_k`, of a regular grid over the output, to `points[k]`:

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
        align_corners: Whether -1 and 1 are the centers of the pixels at the
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
    points = grids.parameters("points", points, (None, 2))
    side = _side(points)
    height, width = grids.size_of(size)
    validation.boolean("align_corners", align_corners)
    dtype = grids.dtype_of(points)
    centers = grids.constant(grids.control_points, side, dtype=dtype)
    if grids.are_static(height, width):
        shares = _static_shares(side, height, width, align_corners)
    else:
        solution = grids.constant(_solution, side, dtype=dtype)
        terms = _terms(ops, centers, height, width, align_corners, dtype)
        shares = products.matmul(terms, solution)
    shares = ops.expand_dims(ops.cast(shares, points.dtype), -1)
    # Computed from the displacements of the points, so that the identity is
    # exact.
    moves = ops.expand_dims(points - centers, (1, 2))
    x, y = grids.positions(ops, height, width, align_corners, dtype)
    identity = ops.stack(
        [x + ops.zeros_like(y), y + ops.zeros_like(x)], axis=-1
    )
    return identity + ops.sum(shares * moves, axis=-2)


@functools.lru_cache(maxsize=16)
def _static_shares(side, height, width, align_corners):
    """Return the weight of each control point's displacement at each position.

    The shape is (height, width, K).
    """
    centers = grids.control_points(side)
    terms = _terms(np, centers, height, width, align_corners, "float64")
    return terms @ _solution(side)


def _terms(maths, centers, height, width, align_corners, dtype):
    """Return the terms of the spline at each position, (height, width, K + 3).

    `maths` is NumPy, or `keras.ops` if sizes are symbolic.
    """
    x, y = grids.positions(maths, height, width, align_corners, dtype)
    squares = (maths.expand_dims(x, -1) - centers[:, 0]) ** 2 + (
        maths.expand_dims(y, -1) - centers[:, 1]
    ) ** 2
    ones = maths.ones_like(squares[..., :1])
    return maths.concatenate(
        [
            _spline(maths, squares),
            ones,
            maths.expand_dims(x, -1) * ones,
            maths.expand_dims(y, -1) * ones,
        ],
        axis=-1,
    )


def _solution(side: int) -> np.ndarray:
    """Return the matrix from displacements of points to spline coefficients."""
    centers = grids.control_points(side)
    count = len(centers)
    squares = ((centers[:, np.newaxis] - centers) ** 2).sum(-1)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _spline(np, squares)
    system[:count, count] = system[count, :count] = 1
    system[:count, count + 1 :] = centers
    system[count + 1 :, :count] = centers.T
    return np.linalg.inv(system)[:, :count]


def _spline(maths, squares):
    return squares * maths.log(maths.maximum(squares, 1e-30))


def _side(points):
    """Return the number of control points along a side of the square."""
    count = points.shape[1] or 0
    side = math.isqrt(count)
    if side < 2 or side**2 != count:
        raise ValueError(
            "`points` must be a square number of points, at least 4. "
            f"Received: points.shape={tuple(points.shape)}"
        )
    return side
