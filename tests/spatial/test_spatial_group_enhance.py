"""Tests of `SpatialGroupEnhance` beyond the contract."""

import numpy as np
import pytest

from autodiff import role
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import SpatialGroupEnhance

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 6, 16)).astype("float32")
INITIAL_GATE = 0.7310585786300049  # sigmoid(1)


def built(*args, **kwargs):
    layer = SpatialGroupEnhance(*args, data_format="channels_last", **kwargs)
    layer.build((None, None, None, 16))
    return layer


def generic(*args, **kwargs):
    layer = built(*args, **kwargs)
    layer.set_weights([RNG.normal(size=w.shape) for w in layer.weights])
    return layer


def test_weights_are_named_for_their_roles():
    layer = built(4)
    assert [role(weight) for weight in layer.weights] == ["gamma", "beta"]
    assert layer.count_params() == 2 * 4


def test_all_gates_start_equal():
    assert_close(built(4)(X), X * INITIAL_GATE)


def test_scores_have_unit_unbiased_standard_deviation():
    layer = built(4)
    layer.set_weights([np.ones(4), np.zeros(4)])
    gate = to_numpy(layer.attention(X)).astype("float64")
    scores = np.log(gate / (1 - gate)).reshape(2, -1, 4)
    np.testing.assert_allclose(scores.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(scores.std(1, ddof=1), 1, atol=1e-4)


@pytest.mark.parametrize("x", [X[:, :1, :1], np.zeros_like(X)])
def test_constant_maps_have_the_initial_gate(x):
    """For one position or a zero image, the published code divides 0 by 0."""
    layer = built(4)
    layer.set_weights([np.full(4, 3.0), np.ones(4)])
    outputs, (gradient,), weight_gradients = vjp(layer, [x], np.ones_like(x))
    assert_close(outputs, x * INITIAL_GATE)
    for array in (gradient, *weight_gradients.values()):
        assert np.isfinite(array).all()


def test_products_do_not_overflow_in_float16():
    """The sum of 16 products of 1000 by 1000 is 1.6e7, above 65504."""
    x = RNG.uniform(0, 1000, size=(1, 64, 64, 16)).astype("float16")
    half, single = generic(1, dtype="mixed_float16"), built(1)
    single.set_weights(half.get_weights())
    gate = to_numpy(half.attention(x)).astype("float32")
    assert_close(gate, single.attention(x.astype("float32")), 1e-3)
    assert gate.std() > 0.01


def test_groups_must_divide_the_channels():
    match = r"`groups` must divide .* \(16\). Received: groups=5$"
    with pytest.raises(ValueError, match=match):
        built(5)
