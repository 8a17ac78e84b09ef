"""Tests of `CrissCrossAttention` beyond the contract."""

import numpy as np
import pytest

import published
from autodiff import BOTH_WAYS
from autodiff import role
from autodiff import vjp
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from keras_attention import CrissCrossAttention
from keras_attention import export_reference_weights
from keras_attention import load_reference_weights
from published import Published

GOLDENS = pytest.mark.parametrize(
    "case",
    [Published(file, has_channels=False) for file in ("criss_cross",)],
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
    layer = CrissCrossAttention(**kwargs)
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


def test_names_of_mmcv_have_a_scalar():
    layer = CrissCrossAttention()
    layer.build((None, 8, 8, 8))
    layer.gamma.assign([0.25])
    weights = export_reference_weights(layer, "mmcv")
    assert weights["gamma.scale"].shape == ()
    again = CrissCrossAttention()
    again.build((None, 8, 8, 8))
    load_reference_weights(again, weights)
    assert_same(again.gamma, [0.25])


def test_starts_as_the_identity(rng):
    x = rng.normal(size=(2, 3, 4, 8)).astype("float32")
    assert_same(CrissCrossAttention()(x), x)


def test_own_position_is_counted_once(rng):
    x = rng.normal(size=(2, 3, 4, 8)).astype("float32")
    layer = CrissCrossAttention(data_format="channels_last")
    attention = layer.attention(x)
    height, width = (to_numpy(attention[key]) for key in ("height", "width"))
    for row in range(3):
        assert (height[:, row, :, row] == 0).all()
        assert (np.delete(height[:, row], row, axis=2) > 0).all()
    assert_close(height.sum(3) + width.sum(3), np.ones((2, 3, 4)))


@pytest.mark.parametrize(("recurrence", "seen"), [(1, 6), (2, 12)])
def test_two_passes_see_the_whole_map(recurrence, seen, rng):
    layer = CrissCrossAttention(
        recurrence=recurrence, data_format="channels_last"
    )
    layer.build((None, 3, 4, 8))
    layer.gamma.assign([1.0])
    x = rng.normal(size=(1, 3, 4, 8)).astype("float32")
    cotangent = np.zeros(x.shape, "float32")
    cotangent[:, 1, 2] = 1
    _, (gradient,), _ = vjp(layer, [x], cotangent)
    assert (np.abs(to_numpy(gradient)).max((0, 3)) > 0).sum() == seen
