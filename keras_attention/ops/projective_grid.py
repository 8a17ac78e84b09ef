"""Sampling grids of projective transformations."""

import functools
from collections.abc import Sequence
from typing import Any

from keras_attention.ops import _symbolic
from keras_attention.ops import grids


@_symbolic.takes_symbolic(functools.partial(grids.matrix_spec, (3, 3)), "theta")
def projective_grid(theta, size: Sequence[Any], *, align_corners: bool = True):
    r"""Returns the sampling grid of projective transformations.

    .. math::

        \begin{pmatrix} u' \\ v' \\ w \end{pmatrix} =
        \theta \begin{pmatrix} x \\ y \\ 1 \end{pmatrix}, \qquad
        u = \frac{u'}{w}, \quad v = \frac{v'}{w}

    where :math:`(x, y)` runs from -1 to 1 over the output. Where :math:`w` is
    zero the location is not finite.

    Args:
        theta: Float tensor of shape `(batch, 3, 3)`.
        size: Height and width of the output.
        align_corners: Whether -1 and 1 are the centers of the pixels at the
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
    theta = grids.parameters("theta", theta, (3, 3))
    locations = grids.linear_map(theta, size, align_corners)
    return locations[..., :2] / locations[..., 2:]
