"""Tests of `PositionAttention` beyond the contract."""

import numpy as np
import pytest

import published
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import PositionAttention
from published import Published

GOLDENS = pytest.mark.parametrize(
    "case",
    [Published(file, has_channels=False) for file in ("position_attention",)],
    ids=str,
)

UNITS = {"hidden_units": 5}


@GOLDENS
@BOTH_WAYS
def test_golden(case, data_format, compiled):
    published.check(case, data_format, compiled)


@GOLDENS
def test_loaded_weights_are_exported_unchanged(case):
    published.check_export(case)


@pytest.mark.parametrize(
    ("kwargs", "hidden"), [({}, 8), ({"reduction": 4}, 16), (UNITS, 5)]
)
def test_weights(kwargs, hidden):
    layer = PositionAttention(**kwargs)
    layer.build((None, 8, 8, 64))
    assert layer.count_params() == 2 * 65 * hidden + 64 * 65 + 1
    assert [role(weight) for weight in layer.weights] == [
        "gamma",
        "query/kernel",
        "query/bias",
        "key/kernel",
        "key/bias",
        "value/kernel",
        "value/bias",
    ]


def test_starts_as_the_identity(rng):
    x = rng.normal(size=(2, 3, 4, 6)).astype("float32")
    assert_same(PositionAttention()(x), x)


def test_outputs_are_the_same_with_and_without_the_attention(data_format, rng):
    """With many positions, some backends compute them part by part."""
    shape = to_layout((1, 36, 30, 8), data_format)
    layer = PositionAttention(2, data_format=data_format)
    layer.build(shape)
    layer.gamma.assign([2.0])
    x = rng.normal(size=shape).astype("float32")
    y, attention = layer(x, return_attention=True)
    assert attention.shape == (1, 1080, 1080)
    assert_close(to_numpy(layer(x)), to_numpy(y))


def test_equal_queries_have_equal_weights(rng):
    x = rng.normal(size=(1, 1, 5, 8)).astype("float32")
    x[:, :, 3] = x[:, :, 1]
    attention = to_numpy(PositionAttention().attention(x))
    assert_close(attention[:, 3], attention[:, 1])
    assert_close(attention[:, :, 3], attention[:, :, 1])
    assert_close(attention.sum(2), np.ones((1, 5)))
