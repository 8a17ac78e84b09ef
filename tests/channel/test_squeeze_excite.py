"""Tests of `SqueezeExcite` beyond the contract."""

import numpy as np
import pytest

from autodiff import role
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import SqueezeExcite

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 6, 16)).astype("float32")


def built(*args, channels=16, **kwargs):
    layer = SqueezeExcite(*args, data_format="channels_last", **kwargs)
    layer.build((None, None, None, channels))
    return layer


def test_weights_are_named_for_their_roles():
    assert [role(weight) for weight in built(use_bias=True).weights] == [
        "squeeze/kernel",
        "squeeze/bias",
        "excite/kernel",
        "excite/bias",
    ]


@pytest.mark.parametrize(
    ("channels", "kwargs", "units"),
    [
        (256, {}, 16),
        (40, {}, 2),  # rounded down
        (8, {}, 1),  # but at least 1
        (8, {"hidden_units": 5}, 5),
        (8, {"reduction": 2, "hidden_units": None}, 4),
    ],
)
def test_hidden_units(channels, kwargs, units):
    layer = built(channels=channels, **kwargs)
    assert layer.count_params() == 2 * channels * units
    biased = built(channels=channels, use_bias=True, **kwargs)
    assert biased.count_params() == 2 * channels * units + channels + units


def test_initialization_is_that_of_pytorch():
    layer = built(4, channels=400)
    for dense, inputs in ((layer.squeeze, 400), (layer.excite, 100)):
        bound = inputs**-0.5
        kernel = to_numpy(dense.kernel)
        assert np.abs(kernel).max() <= bound
        assert np.abs(kernel).max() > 0.99 * bound
        assert kernel.std() == pytest.approx(bound / 3**0.5, rel=0.02)


def test_zero_excitation_halves_the_input():
    layer = built(4)
    layer.set_weights([np.zeros(w.shape) for w in layer.weights])
    assert_close(layer(X), X / 2)


def test_volumes_and_signals_are_averaged():
    volume = X.reshape(2, 5, 2, 3, 16)
    layer = SqueezeExcite(4, data_format="channels_last")
    expected = layer(volume)
    signal = SqueezeExcite(4, data_format="channels_last")
    signal.build((None, None, 16))
    signal.set_weights(layer.get_weights())
    assert_close(
        signal(volume.reshape(2, -1, 16)),
        to_numpy(expected).reshape(2, -1, 16),
    )
