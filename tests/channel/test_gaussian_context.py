import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from golden import Golden
from keras_attention import GaussianContext

GOLDEN = Golden("gaussian_context", GaussianContext, {})


@BOTH_WAYS
def test_golden(data_format, compiled):
    golden.check_results(GOLDEN, data_format, compiled)


def test_layer_has_no_weights():
    layer = GaussianContext()
    layer.build((None, 4, 4, 16))
    assert not layer.weights


def test_average_channel_is_kept():
    x = np.array([-3, -1, 0, 1, 3], "float32").reshape(1, 1, 1, 5)
    gate = to_numpy(GaussianContext().attention(x)).ravel()
    assert gate[2] == 1
    assert_close(gate, gate[::-1])
    assert gate[0] < gate[1] < 1
    # The variance is 4, so the first channel has z = -1.5.
    assert gate[0] == pytest.approx(np.exp(-(1.5**2)), rel=1e-5)


def test_larger_width_is_a_narrower_gate(rng):
    x = rng.normal(size=(2, 4, 4, 16)).astype("float32")
    gates = [
        to_numpy(GaussianContext(width=width).attention(x))
        for width in (0.1, 1.0, 5.0)
    ]
    assert (gates[0] > gates[1]).all()
    assert (gates[1] > gates[2]).all()
    assert_close(gates[0] ** 10, gates[1])


@pytest.mark.parametrize("channels", [1, 8])
def test_equal_channels_are_kept(channels):
    x = np.full((2, 3, 3, channels), 5, "float32")
    assert_same(GaussianContext()(x), x)


def test_gate_does_not_depend_on_scale_and_offset_of_the_map(rng):
    x = rng.normal(size=(2, 4, 4, 16)).astype("float32")
    layer = GaussianContext(epsilon=1e-9)
    expected = to_numpy(layer.attention(x))
    assert_close(layer.attention(3 * x + 2), expected, 1e-4)
