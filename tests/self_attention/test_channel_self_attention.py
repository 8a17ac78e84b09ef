"""Tests of `ChannelSelfAttention` beyond the contract."""

import numpy as np
import pytest

import published
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from keras_attention import ChannelSelfAttention
from published import Published

GOLDENS = pytest.mark.parametrize(
    "case",
    [
        Published(file, has_channels=False)
        for file in ("channel_self_attention",)
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


def test_weights():
    layer = ChannelSelfAttention()
    layer.build((None, 8, 8, 16))
    assert [role(weight) for weight in layer.weights] == ["gamma"]
    assert layer.count_params() == 1


def test_starts_as_the_identity(rng):
    x = rng.normal(size=(2, 3, 4, 6)).astype("float32")
    assert_same(ChannelSelfAttention()(x), x)


def test_channel_reads_most_from_the_least_similar_one():
    rows = np.array([[1.0, 0, 0], [0.9, 0.1, 0], [0, 0, 1]], "float32")
    x = rows.T.reshape(1, 3, 1, 3)
    layer = ChannelSelfAttention(data_format="channels_last")
    attention = to_numpy(layer.attention(x))[0]
    assert attention.argmax(1).tolist() == [2, 2, 0]


def test_large_sums_are_finite(rng):
    """The softmax of sums over many positions selects one channel."""
    x = (1e3 * rng.normal(size=(2, 20, 20, 4))).astype("float32")
    attention = to_numpy(ChannelSelfAttention().attention(x))
    assert_close(attention.sum(2), np.ones((2, 4)))


def test_no_weight_is_subnormal(rng):
    """Processors take a hundred times as long to multiply such numbers."""
    x = rng.normal(size=(2, 20, 20, 16)).astype("float32")
    attention = to_numpy(ChannelSelfAttention().attention(x))
    assert attention.min() > np.finfo("float32").tiny
