"""Dtype policies: used by every sublayer, and safe in half precision."""

import keras
import numpy as np
import pytest

from autodiff import BACKEND
from autodiff import float64
from autodiff import forward
from autodiff import subset
from contract.case import arguments
from contract.case import assert_close
from contract.case import dtype_of
from contract.case import each
from contract.case import each_shape
from contract.case import flat
from contract.case import float_leaves
from contract.selection import for_cases


@for_cases(lambda case: case.is_deterministic)
def test_mixed_precision_is_honored(case):
    inputs = case.inputs()
    for dtype, tolerance in (("float16", 0.01), ("bfloat16", 0.08)):
        layer = case.generic(dtype=f"mixed_{dtype}")
        structure = forward(layer, *inputs, **case.all_outputs)
        assert {dtype_of(leaf) for leaf in float_leaves(structure)} == {dtype}
        assert {weight.dtype for weight in layer.weights} <= {"float32"}
        for sublayer in layer._flatten_layers():
            if isinstance(sublayer, keras.Model | keras.layers.InputLayer):
                continue  # they compute nothing
            assert sublayer.compute_dtype == dtype, sublayer.path
        single = forward(case.generic(), *inputs, **case.all_outputs)
        close = [a.astype("float32") for a in flat(structure)]
        assert_close(close, flat(single), tolerance)


@for_cases(lambda case: case.is_deterministic)
def test_float64_is_honored(case):
    with float64():
        layer = case.generic(dtype="float64")
        inputs = case.inputs(dtype="float64")
        outputs = forward(layer, *inputs, **case.all_outputs)
        assert {weight.dtype for weight in layer.weights} <= {"float64"}
        assert {dtype_of(leaf) for leaf in float_leaves(outputs)} == {"float64"}
        # On PyTorch, Keras' dense layers compute float64 in float32, and on JAX
        # its means do.
        narrows = case.has_networks or (
            BACKEND == "torch"
            and any(
                isinstance(sublayer, keras.layers.Dense)
                for sublayer in layer._flatten_layers()
            )
        )
        tolerance = 5e-6 if narrows else 1e-12
        assert_close(outputs, case.expected(layer, inputs), tolerance)


@for_cases(lambda case: case.has_attention)
@pytest.mark.parametrize("dtype", subset(["mixed_float16", "float16"], 2))
def test_float16_does_not_overflow(case, dtype):
    size = 64 if len(case.shapes[0]) < 5 else 16
    shapes = case.resized(1, size)
    rng = np.random.default_rng(3)
    inputs = each_shape(lambda s: rng.uniform(0, 1000, size=s), shapes)
    inputs[0][..., 0] = 1000
    half = each(lambda x: x.astype("float16"), inputs)
    # Not with a kernel of ones, whose sums overflow in float16.
    defaults = arguments(case.layer_cls)
    kernel = {k: defaults[k] for k in defaults if k == "kernel_initializer"}
    layer = case.layer(dtype=dtype, **kernel)
    layer.build(*shapes)
    for a in flat(forward(layer, *half, return_attention=True)):
        assert np.isfinite(a).all()
    # Sums must be correct, not only finite. A saturated gate would hide a wrong
    # sum, so the weights are small.
    case.randomized(layer)
    layer.set_weights([weight / 100 for weight in layer.get_weights()])
    single = case.generic(shapes)
    single.set_weights(layer.get_weights())
    found, expected = (
        flat(forward(it, *half, return_attention=True)[1])
        for it in (layer, single)
    )
    assert_close([a.astype("float32") for a in found], expected, 0.02)
