import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from contract.case import assert_close
from contract.case import to_numpy
from golden import Golden
from keras_attention import SimAM


@BOTH_WAYS
def test_golden(data_format, compiled):
    case = Golden("simam", SimAM, {})
    golden.check_results(case, data_format, compiled)


def test_layer_has_no_weights():
    layer = SimAM()
    layer.build((None, 8, 8, 4))
    assert not layer.weights


def test_one_position_has_the_gate_of_its_mean():
    gate = SimAM().attention(np.full((2, 1, 1, 3), 7.0, "float32"))
    assert_close(gate, np.full((2, 1, 1, 3), 1 / (1 + np.exp(-0.5))))


@pytest.mark.parametrize("offset", [0, 1e3])
def test_gate_does_not_depend_on_an_offset(offset, rng):
    x = rng.integers(-9, 9, size=(2, 5, 6, 3)).astype("float32")
    gate = to_numpy(SimAM().attention(x + np.float32(offset)))
    assert_close(gate, SimAM().attention(x), 1e-4)
    assert (gate >= 0.62).all()  # the sigmoid of one half


def test_value_that_differs_most_has_the_largest_gate():
    x = np.zeros((1, 4, 4, 1), "float32")
    x[0, 1, 2] = -3
    gate = to_numpy(SimAM().attention(x))
    assert gate.argmax() == x.argmin()
