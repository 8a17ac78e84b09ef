import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from golden import Golden
from keras_attention import ShuffleAttention

WEIGHTS = {
    "cweight": ("channel_weight", golden.vector),
    "cbias": ("channel_bias", golden.vector),
    "sweight": ("spatial_weight", golden.vector),
    "sbias": ("spatial_bias", golden.vector),
    "gn.weight": ("gamma", golden.as_is),
    "gn.bias": ("beta", golden.as_is),
}


@BOTH_WAYS
def test_golden(data_format, compiled):
    case = Golden("shuffle", lambda **k: ShuffleAttention(4, **k), WEIGHTS)
    golden.check_results(case, data_format, compiled)


@pytest.mark.parametrize(
    ("groups", "channels", "count"), [(64, 256, 12), (4, 16, 12), (8, 64, 24)]
)
def test_weights_and_their_initial_values(groups, channels, count):
    layer = ShuffleAttention(groups)
    layer.build((None, 8, 8, channels))
    assert layer.count_params() == count
    size = channels // groups // 2
    expected = {
        "channel_weight": 0,
        "channel_bias": 1,
        "spatial_weight": 0,
        "spatial_bias": 1,
        "gamma": 1,
        "beta": 0,
    }
    assert [role(weight) for weight in layer.weights] == list(expected)
    for weight, value in zip(layer.weights, expected.values(), strict=True):
        assert_same(weight, np.full(size, value))


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_first_half_of_the_channels_alternates_with_the_second(
    groups, data_format
):
    layer = ShuffleAttention(groups, data_format=data_format)
    x = np.ones((1, 2, 3, 12), "float32") * np.arange(12, dtype="float32")
    first = data_format == "channels_first"
    y = to_numpy(layer(np.moveaxis(x, -1, 1) if first else x))
    y = np.moveaxis(y, 1, -1) if first else y
    # All gates are equal at first.
    order = np.array([0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11])
    assert_close(y, x[..., order] / (1 + np.exp(-1)))


def test_gates_are_those_of_halves_of_groups(rng):
    x = rng.normal(size=(2, 5, 4, 12)).astype("float32")
    layer = ShuffleAttention(2)
    layer.build(x.shape)
    weights = rng.normal(size=(6, 3))
    layer.set_weights(list(weights))
    before = layer.attention(x)
    x[0, 2, 1, 8] += 1  # the last channel of the second group's first half
    after = layer.attention(x)
    changed = to_numpy(before["channel"]) != to_numpy(after["channel"])
    assert np.argwhere(changed).tolist() == [[0, 0, 0, 5]]
    assert_same(before["spatial"], after["spatial"])


@pytest.mark.parametrize("channels", [12, 24, 40])
def test_groups_that_do_not_divide_half_of_the_channels_raise(channels):
    layer = ShuffleAttention(8)
    message = rf"half .*channels \({channels}\)\. Received: groups=8$"
    with pytest.raises(ValueError, match=message):
        layer.build((None, 4, 4, channels))


def test_constant_channel_is_finite():
    layer = ShuffleAttention(1)
    x = np.full((2, 3, 3, 4), 7.0, "float32")
    layer.build(x.shape)
    layer.spatial_weight.assign([1e3, -1e3])
    gate = to_numpy(layer.attention(x)["spatial"])
    assert_close(gate, np.full((2, 3, 3, 2), 1 / (1 + np.exp(-1))))
