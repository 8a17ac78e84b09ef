"""Tests of `DoubleAttention` beyond the contract."""

import numpy as np
import pytest

import published
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import DoubleAttention
from keras_attention import export_reference_weights
from published import Published

GOLDENS = pytest.mark.parametrize(
    "case",
    [
        Published(file, has_channels=False)
        for file in ("double_attention", "double_attention_plain")
    ],
    ids=str,
)


@GOLDENS
@BOTH_WAYS
def test_golden(case, data_format, compiled):
    published.check(case, data_format, compiled)


@GOLDENS
@pytest.mark.parametrize(
    ("layout", "last"),
    [
        ("external-attention-pytorch", "conv_reconstruct"),
        ("pytorch-attention", "proj"),
    ],
)
def test_loaded_weights_are_exported_unchanged(case, layout, last):
    exported = export_reference_weights(case.layer(), layout)
    for name, array in exported.items():
        name = name.replace(last, "conv_reconstruct")
        np.testing.assert_array_equal(array, case.arrays[f"w/{name}"])
    assert f"{last}.weight" in exported


@pytest.mark.parametrize(
    ("kwargs", "count"),
    [
        ({}, 4 * 64 * 16 + 3 * 16 + 64),
        ({"reduction": 2}, 4 * 64 * 32 + 3 * 32 + 64),
        (
            {"hidden_units": 5, "attention_units": 3},
            2 * 64 * 5 + 2 * 64 * 3 + 5 + 2 * 3 + 64,
        ),
    ],
)
def test_weights(kwargs, count):
    layer = DoubleAttention(**kwargs)
    layer.build((None, 8, 8, 64))
    assert layer.count_params() == count
    assert [role(weight) for weight in layer.weights] == [
        "feature/kernel",
        "feature/bias",
        "gather/kernel",
        "gather/bias",
        "distribute/kernel",
        "distribute/bias",
        "expand/kernel",
        "expand/bias",
    ]


def test_weights_add_up_to_one(rng):
    attention = DoubleAttention().attention(rng.normal(size=(2, 3, 4, 8)))
    assert_close(to_numpy(attention["gather"]).sum(1), np.ones((2, 2)))
    assert_close(to_numpy(attention["distribute"]).sum(2), np.ones((2, 12)))


def test_one_unit_gathers_one_vector_for_all_positions(rng):
    x = rng.normal(size=(2, 3, 4, 8)).astype("float32")
    layer = DoubleAttention(attention_units=1, residual=False)
    y = to_numpy(layer(x)).reshape(2, 12, 8)
    assert_close(y, np.broadcast_to(y[:, :1], y.shape))
