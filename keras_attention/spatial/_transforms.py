"""Families of transforms: their identity parameters and their grids."""

import numpy as np
from keras import ops

from keras_attention.ops import grids
from keras_attention.ops import reshaping
from keras_attention.ops.affine_grid import affine_grid
from keras_attention.ops.projective_grid import projective_grid
from keras_attention.ops.tps_grid import tps_grid

TRANSFORMS = ("affine", "attention", "translation", "projective", "tps")


def identity(transform: str, control_points: int) -> np.ndarray:
    """Return the parameters of the identity."""
    if transform == "tps":
        return grids.control_points(control_points).ravel()
    return np.array(
        {
            "affine": [1, 0, 0, 0, 1, 0],
            "attention": [1, 0, 0],
            "translation": [0, 0],
            "projective": [1, 0, 0, 0, 1, 0, 0, 0],
        }[transform]
    )


def grid(transform: str, parameters, size, align_corners: bool):
    """Return the grid of a batch of parameters (B, degrees of freedom)."""
    if transform == "tps":
        points = reshaping.reshape(
            parameters, (-1, parameters.shape[-1] // 2, 2)
        )
        return tps_grid(points, size, align_corners=align_corners)
    theta = _matrix(transform, parameters)
    if transform == "projective":
        return projective_grid(theta, size, align_corners=align_corners)
    return affine_grid(theta, size, align_corners=align_corners)


def _matrix(transform: str, parameters):
    """Return the matrices (B, 2 or 3, 3) of a batch of parameters."""
    if transform == "affine":
        return reshaping.reshape(parameters, (-1, 2, 3))
    given = ops.unstack(parameters, axis=-1)
    zero, one = ops.zeros_like(given[0]), ops.ones_like(given[0])
    if transform == "attention":
        scale, x, y = given
        given = [scale, zero, x, zero, scale, y]
    elif transform == "translation":
        x, y = given
        given = [one, zero, x, zero, one, y]
    else:  # projective
        given = [*given, one]
    return reshaping.reshape(
        ops.stack(given, axis=-1), (-1, len(given) // 3, 3)
    )
