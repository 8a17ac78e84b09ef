"""Tests of `SpatialAttention` beyond the contract."""

import numpy as np
import pytest

from autodiff import role
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import SpatialAttention

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 6, 16)).astype("float32")


def built(*args, **kwargs):
    layer = SpatialAttention(*args, data_format="channels_last", **kwargs)
    layer.build((None, None, None, 16))
    return layer


def roles(layer):
    return [role(weight) for weight in layer.weights]


def test_bias_exists_only_without_normalization():
    assert roles(built()) == ["conv/kernel", "conv/bias"]
    assert built().count_params() == 7 * 7 * 2 + 1
    assert roles(built(use_norm=True)) == [
        "conv/kernel",
        "norm/gamma",
        "norm/beta",
        "norm/moving_mean",
        "norm/moving_variance",
    ]


def test_normalized_gate_starts_at_one_half():
    assert_close(built(use_norm=True)(X), X / 2)


def test_normalization_has_the_constants_of_the_authors():
    norm = built(use_norm=True).norm
    assert (norm.momentum, norm.epsilon) == (0.99, 1e-5)


def test_statistics_update_in_training_only():
    layer = built(use_norm=True)
    before = to_numpy(layer.norm.moving_mean).copy()
    layer(X)
    layer.attention(X)
    assert_close(layer.norm.moving_mean, before)
    layer(X, training=True)
    moved = to_numpy(layer.norm.moving_mean).copy()
    assert np.abs(moved - before).max() > 0
    layer.attention(X, training=True)
    assert np.abs(to_numpy(layer.norm.moving_mean) - moved).max() > 0


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 7])
def test_window_has_the_size_of_the_kernel(kernel_size):
    layer = built(kernel_size)
    layer.set_weights([np.ones(w.shape) for w in layer.weights])
    x = np.zeros((1, 15, 15, 16), "float32")
    blank = to_numpy(layer.attention(x))
    x[0, 7, 7] = 1
    seen = np.argwhere(to_numpy(layer.attention(x)) != blank)[:, 1:3]
    assert (seen.max(0) - seen.min(0) + 1).tolist() == [kernel_size] * 2
