"""Gradients: there, finite, and the slope of the float64 twin."""

import numpy as np

import twins
from autodiff import BACKEND
from autodiff import vjp
from contract.case import assert_close
from contract.registry import check


@check
def gradients_are_finite_and_not_zero(case):
    _, slopes, weight_slopes = case.slopes
    assert len(weight_slopes) == len(case.generic().trainable_weights)
    for name, slope in (*enumerate(slopes), *weight_slopes.items()):
        assert np.isfinite(slope).all(), name
        assert np.any(slope != 0), name


@check
def gradients_are_the_twins_slope(case):
    """`<gradient, v>` is the slope of the float64 equation along `v`."""
    layer, inputs = case.generic(), case.inputs()
    _, slopes, weight_slopes = case.slopes
    slopes = [*slopes, *weight_slopes.values()]
    point = twins.point(layer, inputs)
    places = [*range(len(inputs))]
    places += [
        len(inputs) + index
        for index, weight in enumerate(layer.weights)
        if weight.trainable
    ]
    rng = np.random.default_rng(4)
    step = 1e-6
    for place, slope in zip(places, slopes, strict=True):
        v = rng.normal(size=slope.shape)
        ahead, behind = list(point), list(point)
        ahead[place] = point[place] + step * v
        behind[place] = point[place] - step * v
        rise = twins.outputs(layer, ahead) - twins.outputs(layer, behind)
        expected = (rise * case.cotangent()).sum() / (2 * step)
        found = (slope * v).sum()
        scale = np.linalg.norm(slope) * np.linalg.norm(v)
        assert abs(found - expected) <= 1e-5 * scale, place


@check
def compiling_changes_nothing(case):
    if BACKEND == "torch":
        return  # it is trained eagerly by Keras: see keras.Model.compile
    inputs = case.inputs()
    if BACKEND == "jax":
        # Its gradients are compiled in all these checks: one operation at a
        # time it computes the same ones, and compiles for minutes.
        assert_close(case.slopes[0], case.generic()(*inputs))
        return
    compiled = vjp(case.generic(), inputs, case.cotangent(), compiled=True)
    assert_close(compiled, case.slopes, case.rounding)
