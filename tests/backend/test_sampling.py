"""Sampling: native forms equal their definitions."""

import keras
import numpy as np
import pytest

from autodiff import BACKEND
from autodiff import Calls
from autodiff import vjp
from contract.case import assert_close
from native_forms import FUNCTIONS
from native_forms import definition


def both(name, call, arrays, rng):
    """Return values and gradients of both forms of a function."""
    values = call(definition(name), *map(keras.ops.array, arrays))
    cotangent = rng.normal(size=values.shape).astype("float32")
    return (
        vjp(
            Calls(lambda *inputs, form=form: call(form, *inputs)),
            arrays,
            cotangent,
        )[:2]
        for form in (FUNCTIONS[name], definition(name))
    )


def sampled(call, shape, rng, positions=15):
    """Return a function of a table and taps, and arrays to differentiate."""
    table = rng.normal(size=(4, positions, 6)).astype("float32")
    indices = rng.integers(0, positions, (4, 4, *shape)).astype("int32")
    weights = rng.normal(size=indices.shape).astype("float32")

    def run(form, table, *rest):
        taps = list(zip(map(keras.ops.array, indices), rest[:4], strict=True))
        return call(form, table, taps, *rest[4:])

    return run, [table, *weights]


@pytest.mark.parametrize(
    "exporting", [False, True] if BACKEND == "torch" else [False]
)
def test_weighted_gather(exporting, rng, monkeypatch):
    if exporting:
        # Exported graphs have no embedding bags.
        monkeypatch.setattr("torch.compiler.is_exporting", lambda: True)
    call, arrays = sampled(lambda form, *inputs: form(*inputs), (7, 9, 3), rng)
    found, expected = both("weighted_gather", call, arrays, rng)
    assert_close(found[0], expected[0])
    assert_close(found[1], expected[1])


@pytest.mark.parametrize("positions", [15, 2**15 + 3])
def test_weighted_gather_of_many_taps(positions, rng):
    """On PyTorch, the gradient sorts the taps of each sample by itself."""
    call, arrays = sampled(
        lambda form, *inputs: form(*inputs), (900, 10), rng, positions
    )
    found, expected = both("weighted_gather", call, arrays, rng)
    assert_close(found[0], expected[0])
    assert_close(found[1], expected[1])


def test_weighted_gather_of_no_samples(rng):
    def call(form, table, weight):
        index = keras.ops.zeros((0, 5, 1), "int32")
        return form(table, [(index, weight)])

    arrays = [np.zeros(shape, "float32") for shape in ((0, 4, 3), (0, 5, 1))]
    found, _ = both("weighted_gather", call, arrays, rng)
    assert found[0].shape == (0, 5, 3)
    assert [gradient.shape for gradient in found[1]] == [(0, 4, 3), (0, 5, 1)]


def test_clamped_positions_stay_nan():
    position = keras.ops.array([float("nan"), -1.0, 9.0])
    found = keras.ops.convert_to_numpy(FUNCTIONS["clamped"](position, 3))
    assert np.isnan(found[0])
    assert found[1:].tolist() == [0, 2]


@pytest.mark.parametrize(("groups", "offset_groups"), [(1, 1), (3, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_deform(groups, offset_groups, dtype, rng):
    kernel = rng.normal(size=(3, 3, 6 * offset_groups // groups, 6))
    call, arrays = sampled(
        lambda form, table, taps, kernel: keras.ops.cast(
            form(
                table,
                taps,
                keras.ops.cast(kernel, dtype),
                groups=groups,
                offset_groups=offset_groups,
            ),
            "float32",
        ),
        (7, 9),
        rng,
    )
    arrays.append(kernel.astype("float32"))
    found, expected = both("deform", call, arrays, rng)
    tolerance = 1e-5 if dtype == "float32" else 0.02
    for mine, theirs in zip(
        (found[0], *found[1]), (expected[0], *expected[1]), strict=True
    ):
        scale = abs(theirs).max()
        assert_close(mine / scale, theirs / scale, tolerance)


@pytest.mark.parametrize("axis", [1, 2])
def test_gather_along(axis, rng):
    index = rng.integers(0, 4, (2, 4, 4)).astype("int32")

    def call(form, x):
        return form(x, keras.ops.array(index), axis)

    x = rng.normal(size=(2, 4, 4)).astype("float32")
    found, expected = both("gather_along", call, [x], rng)
    assert_close(found[0], expected[0])
    assert_close(found[1], expected[1])


def test_gather_positions(rng):
    index = rng.integers(0, 16, (2, 3, 5)).astype("int32")

    def call(form, x):
        return form(x, keras.ops.array(index))

    x = rng.normal(size=(2, 16, 3)).astype("float32")
    found, expected = both("gather_positions", call, [x], rng)
    assert_close(found[0], expected[0])
    assert_close(found[1], expected[1])
