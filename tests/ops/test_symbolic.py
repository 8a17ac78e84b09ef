"""Functions of symbolic tensors, and the models that are made of them."""

import inspect

import keras
import numpy as np
import pytest

import keras_attention
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import ops
from ops_calls import CALLS

ALL_CALLS = pytest.mark.parametrize("call", CALLS, ids=str)


def compute(model, arrays):
    outputs = model(list(arrays.values()))
    return to_numpy(outputs)


def test_every_public_function_is_called():
    called = {call.function.__name__ for call in CALLS}
    assert called == set(ops.__all__)


@pytest.mark.parametrize("unknown", [False, True], ids=["known", "unknown"])
@ALL_CALLS
def test_symbolic_outputs_equal_eager_ones(call, unknown):
    inputs = call.inputs(unknown)
    outputs = call(**inputs)
    expected = call(**call.arrays())
    assert isinstance(outputs, keras.KerasTensor)
    assert len(outputs.shape) == len(expected.shape)
    for found, size in zip(outputs.shape, expected.shape, strict=True):
        assert found == size or (found is None and size in (2, 3, 4, 6, 7))
    assert outputs.shape[0] is None
    assert None not in outputs.shape[1:] or unknown
    model = keras.Model(list(inputs.values()), outputs)
    arrays = {name: x[:1] for name, x in call.arrays().items()}
    arrays |= {name: call.arrays()[name] for name in call.shared}
    assert_close(compute(model, arrays), call(**arrays))
    assert_close(compute(model, call.arrays()), expected)
