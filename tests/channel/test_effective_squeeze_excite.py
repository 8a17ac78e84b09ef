import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import to_numpy
from golden import Golden
from keras_attention import EffectiveSqueezeExcite

WEIGHTS = {
    "fc.weight": ("gate/kernel", golden.pointwise),
    "fc.bias": ("gate/bias", golden.as_is),
}
GOLDENS = [
    Golden("ese", EffectiveSqueezeExcite, WEIGHTS),
    Golden(
        "ese_sigmoid",
        lambda **k: EffectiveSqueezeExcite(gate_activation="sigmoid", **k),
        WEIGHTS,
    ),
]
every_golden = pytest.mark.parametrize("case", GOLDENS, ids=lambda c: c.file)


@BOTH_WAYS
@every_golden
def test_golden(case, data_format, compiled):
    golden.check_results(case, data_format, compiled)


@pytest.mark.parametrize("use_bias", [True, False])
def test_weights_are_named_for_their_roles(use_bias):
    layer = EffectiveSqueezeExcite(use_bias=use_bias)
    layer.build((None, 4, 4, 16))
    roles = ["gate/kernel", "gate/bias"][: 1 + use_bias]
    assert [role(weight) for weight in layer.weights] == roles
    assert layer.count_params() == 16**2 + 16 * use_bias


def test_gates_are_linear_between_exactly_0_and_1():
    layer = EffectiveSqueezeExcite(use_bias=False)
    layer.build((None, 1, 1, 5))
    layer.gate.kernel.assign(np.eye(5))
    x = np.array([-4, -3, 0, 1.5, 3], "float32").reshape(1, 1, 1, 5)
    gate = to_numpy(layer.attention(x)).ravel()
    assert_close(gate, np.array([0, 0, 0.5, 0.75, 1], "float32"))
    assert gate[[0, 1, 4]].tolist() == [0, 0, 1]


def test_sums_over_channels_do_not_overflow_in_float16():
    """256 products of 1000 and 1: the sum is 256000, above 65504."""
    layer = EffectiveSqueezeExcite(dtype="float16")
    layer.build((None, 2, 2, 256))
    signs = np.where(np.arange(256) % 2, -1, 1)[:, None] * np.ones(256)
    for kernel, gate in ((abs(signs), 1), (-abs(signs), 0), (signs, 0.5)):
        layer.gate.kernel.assign(kernel)
        found = to_numpy(layer.attention(np.full((1, 2, 2, 256), 1000)))
        np.testing.assert_array_equal(found, np.float16(gate))
