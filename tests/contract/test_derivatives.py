"""Gradients: finite, nonzero and equal to those of the reference."""

import numpy as np
import pytest

import references
from autodiff import BACKEND
from autodiff import vjp
from contract.case import assert_close
from contract.case import flat
from contract.selection import for_cases


@for_cases(lambda case: not case.samples_locations)
def test_gradients_are_finite_and_not_zero(case):
    _, gradients, weight_gradients = case.gradients
    assert len(weight_gradients) == len(case.generic().trainable_weights)
    for name, gradient in (*enumerate(gradients), *weight_gradients.items()):
        assert np.isfinite(gradient).all(), name
        is_idle = name in case.idle_inputs or (
            str(name).endswith(case.inert_weights)
        )
        assert np.any(gradient != 0) == (not is_idle), name


@for_cases(lambda case: not case.samples_locations)
def test_gradients_equal_those_of_the_reference(case):
    """`<gradient, v>` is the gradient of the float64 equation along `v`."""
    layer, inputs = case.generic(), case.inputs()
    _, gradients, weight_gradients = case.gradients
    gradients = [*gradients, *weight_gradients.values()]
    point = references.point(layer, inputs)
    count = len(flat(inputs))
    indices = [*range(count)]
    indices += [
        count + index
        for index, weight in enumerate(layer.weights)
        if weight.trainable
    ]
    rng = np.random.default_rng(4)
    step = 1e-6
    for index, gradient in zip(indices, gradients, strict=True):
        v = rng.normal(size=gradient.shape)
        ahead, behind = list(point), list(point)
        ahead[index] = point[index] + step * v
        behind[index] = point[index] - step * v
        rise = references.outputs(layer, ahead) - references.outputs(
            layer, behind
        )
        expected = (rise * case.cotangent()).sum() / (2 * step)
        found = (gradient * v).sum()
        scale = np.linalg.norm(gradient) * np.linalg.norm(v)
        # The difference for a weight without effect has only rounding errors.
        scale = scale or 1e-2 * np.linalg.norm(gradients[0])
        assert abs(found - expected) <= 1e-5 * scale, index


@for_cases(lambda case: not case.samples_locations)
def test_data_formats_have_the_same_gradients(case):
    _, last, weights = case.gradients
    cotangent = case.cotangent()
    _, first, first_weights = vjp(
        case.generic(data_format="channels_first"),
        case.in_layout(case.inputs(), "channels_first"),
        np.moveaxis(cotangent, -1, case.channels_first_axis(cotangent.ndim)),
    )
    assert_close(case.gradients_to_last(first, "channels_first"), last)
    assert_close(first_weights, weights)


@pytest.mark.skipif(
    BACKEND == "torch",
    reason="eager PyTorch has no compiler: Keras trains eagerly on it",
)
@for_cases(lambda case: not case.samples_locations)
def test_compiled_call_equals_eager_call(case):
    inputs = case.inputs()
    if BACKEND == "jax":
        # All of these tests compile gradients on JAX. Eager gradients are the
        # same operations, and compiling each takes minutes.
        assert_close(case.gradients[0], case.generic()(*inputs))
    else:
        compiled = vjp(case.generic(), inputs, case.cotangent(), compiled=True)
        assert_close(compiled, case.gradients, case.rounding)
