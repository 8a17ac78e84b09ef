"""Tests of `ExternalAttention` beyond the contract."""

import numpy as np
import pytest

import published
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from keras_attention import ExternalAttention
from published import Published

GOLDENS = pytest.mark.parametrize(
    "case",
    [
        Published(file, has_channels=False)
        for file in ("external_attention", "external_attention_bare")
    ],
    ids=str,
)


@GOLDENS
@BOTH_WAYS
def test_golden(case, data_format, compiled):
    published.check(case, data_format, compiled)


@GOLDENS
def test_loaded_weights_are_exported_unchanged(case):
    published.check_export(case)


@pytest.mark.parametrize(
    ("kwargs", "count"),
    [
        ({}, 2 * 16**2 + 3 * 16 + 2 * 64 * 16),
        ({"units": 8}, 2 * 16**2 + 3 * 16 + 2 * 8 * 16),
        ({"units": 8, "use_projection": False}, 2 * 8 * 16),
    ],
)
def test_parameters(kwargs, count):
    layer = ExternalAttention(**kwargs)
    layer.build((None, 8, 8, 16))
    assert sum(np.prod(w.shape) for w in layer.trainable_weights) == count


def test_weights():
    layer = ExternalAttention()
    layer.build((None, 8, 8, 16))
    assert [role(weight) for weight in layer.weights] == [
        "project/kernel",
        "project/bias",
        "memory_key/kernel",
        "memory_value/kernel",
        "expand/kernel",
        "norm/gamma",
        "norm/beta",
        "norm/moving_mean",
        "norm/moving_variance",
    ]


def test_statistics_after_a_training_step(data_format):
    published.check_statistics(
        Published("external_attention", has_channels=False), data_format
    )


def test_memories_start_as_transposes():
    layer = ExternalAttention(200)
    layer.build((None, 8, 8, 32))
    key = to_numpy(layer.memory_key.kernel)
    assert_same(layer.memory_value.kernel, key.T)
    assert_close(key.std(), np.sqrt(2 / 32), 0.05)
    other = ExternalAttention(200)
    other.build((None, 8, 8, 32))
    assert np.abs(to_numpy(other.memory_key.kernel) - key).max() > 0.1


def test_shares_of_a_position_add_up_to_one(rng):
    x = rng.normal(size=(2, 3, 4, 8)).astype("float32")
    shares = to_numpy(ExternalAttention(5).attention(x))
    assert_close(shares.sum(2), np.ones((2, 12)))
