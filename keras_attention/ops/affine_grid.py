"""Sampling grids of affine transformations."""

import functools
from collections.abc import Sequence
from typing import Any

from keras_attention.ops import _symbolic
from keras_attention.ops import grids


@_symbolic.takes_symbolic(functools.partial(grids.matrix_spec, (2, 3)), "theta")
def affine_grid(theta, size: Sequence[Any], *, align_corners: bool = True):
    r"""Returns the sampling grid of affine transformations.

    .. math::

        \begin{pmatrix} u \\ v \end{pmatrix} =
        \theta \begin{pmatrix} x \\ y \\ 1 \end{pmatrix}

    where :math:`(x, y)` runs from -1 to 1 over the output.

    Args:
        theta: Float tensor of shape `(batch, 2, 3)`.
        size: Height and width of the output.
        align_corners: Whether -1 and 1 are the centers of the pixels at the
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
    theta = grids.parameters("theta", theta, (2, 3))
    return grids.linear_map(theta, size, align_corners)
