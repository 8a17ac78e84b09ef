import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import to_numpy
from golden import Golden
from keras_attention import LinearContextTransform

GOLDEN = Golden(
    "lct",
    lambda **k: LinearContextTransform(4, **k),
    {"w": ("gamma", golden.as_is), "b": ("beta", golden.as_is)},
)


def built(*args, channels=16, **kwargs):
    layer = LinearContextTransform(*args, **kwargs)
    layer.build((None, None, None, channels))
    return layer


@BOTH_WAYS
def test_golden(data_format, compiled):
    golden.check_results(GOLDEN, data_format, compiled)


def test_weights_are_named_for_their_roles():
    layer = built()
    assert [role(weight) for weight in layer.weights] == ["gamma", "beta"]
    assert layer.count_params() == 2 * 16


def test_gates_start_at_sigmoid_of_1(rng):
    x = rng.normal(size=(2, 5, 6, 16)).astype("float32")
    gate = np.full((2, 1, 1, 16), 1 / (1 + np.exp(-1)), "float32")
    assert_close(built(4).attention(x), gate)


def test_groups_that_do_not_divide_the_channels_raise():
    with pytest.raises(ValueError, match=r"channels \(12\).*groups=16"):
        built(channels=12)


def test_groups_are_consecutive_and_independent(rng):
    layer = built(4)
    layer.gamma.assign(np.ones(16))
    x = rng.normal(size=(1, 2, 2, 16)).astype("float32")
    before = to_numpy(layer.attention(x)).ravel()
    x[..., 5] += 1
    changed = to_numpy(layer.attention(x)).ravel() != before
    assert np.flatnonzero(changed).tolist() == [4, 5, 6, 7]


def test_group_of_one_channel_has_a_constant_gate(rng):
    layer = built(16)
    layer.gamma.assign(np.ones(16))
    layer.beta.assign(np.linspace(-2, 2, 16))
    x = rng.normal(size=(2, 5, 6, 16)).astype("float32")
    gate = 1 / (1 + np.exp(-np.linspace(-2, 2, 16, dtype="float32")))
    assert_close(layer(x), x * gate)


def test_means_are_normalized(rng):
    """With the gate of a linear function: the logits of a sigmoid."""
    layer = built(2, epsilon=1e-9)
    layer.gamma.assign(np.ones(16))
    layer.beta.assign(np.zeros(16))
    x = rng.normal(3, 2, size=(2, 5, 6, 16)).astype("float32")
    gate = to_numpy(layer.attention(x)).astype("float64").reshape(2, 2, 8)
    logits = np.log(gate / (1 - gate))
    np.testing.assert_allclose(logits.mean(-1), 0, atol=1e-5)
    np.testing.assert_allclose(logits.std(-1), 1, atol=1e-4)
