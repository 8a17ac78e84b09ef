"""Dtypes of arguments and results of the public functions."""

import contextlib
import re

import keras
import numpy as np
import pytest

from autodiff import BACKEND
from autodiff import compiled
from autodiff import float64
from autodiff import subset
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import ops
from ops_calls import CALLS

# One per function: the other data format differs by transposes only.
ONE_EACH = list({call.function: call for call in reversed(CALLS)}.values())
ALL_FUNCTIONS = pytest.mark.parametrize("call", ONE_EACH, ids=str)
FLOATS = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-5, "float64": 1e-5}


def assignments(call):
    """Return dtypes by tensor name: all equal, and each with another one."""
    first, *others = call.tensors
    for dtype in ("bool", "uint8", "int32", "int64", *FLOATS):
        yield dict.fromkeys(call.tensors, dtype)
    for name in call.tensors:
        yield {**dict.fromkeys(call.tensors, "float32"), name: "int32"}
    for half, wider in (("float16", "float32"), ("float32", "float64")):
        yield {first: half, **dict.fromkeys(others, wider)}
        yield {first: wider, **dict.fromkeys(others, half)}


def tensors(call, dtypes):
    """Return numbers that all dtypes can represent, except booleans."""
    arrays = {name: abs(x) for name, x in call.tensors.items()}
    return {
        name: keras.ops.cast(x != 0 if dtypes[name] == "bool" else x, "int32")
        for name, x in arrays.items()
    }


def documented(call, dtypes):
    """Return the dtype of the first tensor, for grids in float32 or more."""
    dtype = dtypes[next(iter(call.tensors))]
    dtype = dtype if dtype in FLOATS else "float32"
    if call.function.__name__.endswith("_grid") and dtype != "float64":
        return "float32"
    return dtype


@pytest.mark.parametrize(
    "run",
    # JAX compiles each operation of an eager call separately.
    [compiled] if BACKEND == "jax" else [compiled, lambda function: function],
    ids=["compiled", "eager"][: 1 if BACKEND == "jax" else 2],
)
@pytest.mark.parametrize("call", subset(ONE_EACH, 3), ids=str)
def test_numbers_are_those_of_floats(call, run):
    # Compilation takes long, so every other case is tested.
    chosen = list(assignments(call))
    if BACKEND != "torch" and run is compiled:
        chosen = chosen[1::2]

    def every(cases):
        """Return outputs in all dtypes, and those in float64."""
        return [
            (
                call(**{k: keras.ops.cast(x, dtypes[k]) for k, x in c.items()}),
                call(**{k: keras.ops.cast(x, "float64") for k, x in c.items()}),
            )
            for c, dtypes in zip(cases, chosen, strict=True)
        ]

    with float64():
        cases = [tensors(call, dtypes) for dtypes in chosen]
        results = run(every)(cases)
        for dtypes, result in zip(chosen, results, strict=True):
            dtype = keras.backend.standardize_dtype(result[0].dtype)
            assert dtype == documented(call, dtypes), dtypes
            symbolic = {
                name: keras.KerasTensor(x.shape, dtypes[name])
                for name, x in call.tensors.items()
            }
            assert call(**symbolic).dtype == dtype, dtypes
            tolerance = max(FLOATS.get(d, 1e-5) for d in dtypes.values())
            found, right = (keras.ops.cast(y, "float64") for y in result)
            assert_close(to_numpy(found), to_numpy(right), tolerance)


@pytest.mark.parametrize("call", subset(ONE_EACH, 3), ids=str)
def test_integers_are_converted_to_the_default_float(call):
    arrays = {name: abs(x).astype("uint8") for name, x in call.tensors.items()}
    usual = keras.config.floatx()
    scope = float64() if BACKEND == "jax" else contextlib.nullcontext()
    try:
        with scope:
            for floatx in ("float16", "float64"):
                keras.config.set_floatx(floatx)
                outputs = call(**arrays)
                dtype = keras.backend.standardize_dtype(outputs.dtype)
                dtypes = dict.fromkeys(arrays, floatx)
                assert dtype == documented(call, dtypes)
                symbolic = {
                    name: keras.KerasTensor(x.shape, "uint8")
                    for name, x in arrays.items()
                }
                assert call(**symbolic).dtype == dtype
    finally:
        keras.config.set_floatx(usual)


@ALL_FUNCTIONS
def test_complex_numbers_raise(call):
    for name in call.tensors:
        bad = {name: call.tensors[name].astype("complex64")}
        named = re.escape(name)
        match = rf"`{named}` must have a float, .* {named}.dtype=complex64$"
        with pytest.raises(ValueError, match=match):
            call(**{**call.arrays(), **bad})


@ALL_FUNCTIONS
def test_lists_and_variables_are_tensors(call):
    arrays = call.arrays()
    expected = compiled(lambda x: call(**x))(arrays)
    for convert in (np.ndarray.tolist, keras.Variable):
        given = {name: convert(x) for name, x in arrays.items()}
        assert_close(compiled(lambda given=given: call(**given))(), expected)


@ALL_FUNCTIONS
def test_a_batch_may_be_empty(call):
    expected = compiled(lambda x: call(**x))(call.arrays()).shape
    arrays = {
        name: x if name in call.shared else x[:0]
        for name, x in call.arrays().items()
    }
    outputs = compiled(lambda x: call(**x))(arrays)
    assert tuple(outputs.shape) == (0, *expected[1:])


def test_means_of_integers_are_not_rounded():
    images = np.array([[0, 1], [1, 1]], "uint8").reshape(1, 2, 2, 1)
    glimpses = ops.extract_glimpses(
        images,
        np.zeros((1, 2)),
        1,
        num_scales=2,
        data_format="channels_last",
    )
    assert to_numpy(glimpses).ravel().tolist() == [1, 0.75]
