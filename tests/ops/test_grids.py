"""Tests of the sampling grids."""

import keras
import numpy as np
import pytest
from keras import ops

from contract.case import assert_close
from contract.case import to_numpy
from keras_attention.ops import affine_grid
from keras_attention.ops import grids
from keras_attention.ops import projective_grid
from keras_attention.ops import tps_grid
from keras_attention.ops.tps_grid import _solution
from keras_attention.ops.tps_grid import _static_shares
from keras_attention.ops.tps_grid import _terms

IDENTITY = np.eye(3, dtype="float32")[np.newaxis]


@pytest.mark.parametrize("align_corners", [True, False])
def test_identities_of_all_grids_are_equal(align_corners):
    points = grids.control_points(4)[np.newaxis].astype("float32")
    for size in ((4, 7), (1, 1)):
        found = [
            to_numpy(grid(parameters, size, align_corners=align_corners))
            for grid, parameters in (
                (affine_grid, IDENTITY[:, :2]),
                (projective_grid, IDENTITY),
                (tps_grid, points),
            )
        ]
        assert found[0].shape == (1, *size, 2)
        ends = found[0][0, [0, -1], [0, -1]]
        edge = 1 - 1 / np.array(size[::-1])
        if align_corners:
            edge = np.ceil(edge)
        assert_close(ends, np.stack([-edge, edge]))
        np.testing.assert_array_equal(found[1], found[0])
        np.testing.assert_array_equal(found[2], found[0])


def test_projection_divides():
    theta = np.array([[[1, 0, 0], [0, 1, 0], [0.5, 0, 1]]], "float32")
    grid = to_numpy(projective_grid(theta, (3, 3)))
    expected = [[-2, -2], [0, -1], [2 / 3, -2 / 3]]
    np.testing.assert_allclose(grid[0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("side", [2, 3, 5])
def test_spline_maps_control_points_to_the_given_points(side, rng):
    points = rng.normal(size=(2, side**2, 2)).astype("float32")
    grid = to_numpy(tps_grid(points, (side, side)))
    assert_close(grid.reshape(points.shape), points)


def test_spline_of_an_affine_map_is_that_map(rng):
    theta = rng.normal(size=(2, 2, 3)).astype("float32")
    centers = grids.control_points(3)
    points = np.pad(centers, ((0, 0), (0, 1)), constant_values=1)
    points = (points @ theta.transpose(0, 2, 1)).astype("float32")
    for align_corners in (True, False):
        assert_close(
            tps_grid(points, (5, 4), align_corners=align_corners),
            affine_grid(theta, (5, 4), align_corners=align_corners),
        )


def test_unknown_sizes_have_the_same_weights():
    """The contract tests this on TensorFlow only."""
    known = _static_shares(3, 4, 5, True)
    centers = ops.convert_to_tensor(grids.control_points(3), "float32")
    solution = ops.convert_to_tensor(_solution(3), "float32")
    terms = _terms(ops, centers, 4, 5, True, "float32")
    assert_close(ops.matmul(terms, solution), known)


def test_half_precision_is_upcast():
    grid = affine_grid(IDENTITY[:, :2].astype("float16"), (4, 7))
    assert keras.backend.standardize_dtype(grid.dtype) == "float32"


@pytest.mark.parametrize("grid", [affine_grid, projective_grid, tps_grid])
def test_invalid_arguments_raise(grid):
    match = r"must have shape \(batch, .*\)\. Received: .*\.shape=\(3, 4\)$"
    with pytest.raises(ValueError, match=match):
        grid(np.zeros((3, 4)), (4, 4))
    good = {
        affine_grid: IDENTITY[:, :2],
        projective_grid: IDENTITY,
        tps_grid: np.zeros((1, 4, 2)),
    }[grid]
    for size in (4, (4,), (4, 4, 4), (4, 0), (4, 1.5), (4, None), "44"):
        match = r"^`size` must be .*Received: size="
        with pytest.raises(ValueError, match=match):
            grid(good, size)
    with pytest.raises(ValueError, match=r"Received: align_corners=1$"):
        grid(good, (4, 4), align_corners=1)


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_points_must_make_a_square(count):
    match = rf"square number .* points.shape=\(1, {count}, 2\)$"
    with pytest.raises(ValueError, match=match):
        tps_grid(np.zeros((1, count, 2)), (4, 4))
