"""Tests of `AttentionGate` beyond the contract."""

import keras
import numpy as np
import pytest

import published
import references
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import Case
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import AttentionGate
from keras_attention import export_reference_weights
from keras_attention import load_reference_weights
from published import Published

GOLDENS = pytest.mark.parametrize(
    "case",
    [
        Published("attention_gate"),
        Published("attention_gate_grid"),
        Published("attention_gate_grid_3d"),
    ],
    ids=str,
)


@GOLDENS
@BOTH_WAYS
def test_golden(case, data_format, compiled):
    published.check(case, data_format, compiled)


@GOLDENS
def test_statistics_after_a_training_step(case, data_format):
    published.check_statistics(case, data_format)


@GOLDENS
def test_loaded_weights_are_exported_unchanged(case):
    published.check_export(case)


def built(x_shape, gating_shape, **kwargs):
    layer = AttentionGate(data_format="channels_last", **kwargs)
    layer.build(x_shape, gating_shape)
    return layer


@pytest.mark.parametrize(
    ("grid", "axes", "parts"),
    [
        (False, 2, ["theta", "phi", "psi"]),
        (True, 3, ["phi", "psi", "out"]),
    ],
)
def test_weights_are_named_for_their_roles(grid, axes, parts):
    space = (None,) * axes
    layer = built((None, *space, 8), (None, *space, 6), grid=grid)
    norms = ["out"] if grid else parts
    roles = {f"{part}/{name}" for part in parts for name in ("kernel", "bias")}
    roles |= {
        f"{part}_norm/{name}" for part in norms for name in ("gamma", "beta")
    }
    roles |= {"theta"} if grid else set()
    assert {role(weight) for weight in layer.trainable_weights} == roles


@pytest.mark.parametrize(
    ("kwargs", "axes", "count"),
    [
        ({}, 2, 4 * (6 + 8) + 7 * 4 + 3),
        ({"hidden_units": 3}, 1, 3 * (6 + 8) + 7 * 3 + 3),
        ({"grid": True}, 1, 64 + 24 + 2 * 32 + 28 + 5),
        ({"grid": True}, 2, 64 + 24 + 4 * 32 + 28 + 5),
        ({"grid": True}, 3, 64 + 24 + 8 * 32 + 28 + 5),
    ],
)
def test_has_as_many_parameters_as_published(kwargs, axes, count):
    space = (None,) * axes
    layer = built((None, *space, 8), (None, *space, 6), **kwargs)
    weights = layer.trainable_weights
    assert sum(np.prod(weight.shape) for weight in weights) == count


@pytest.mark.parametrize(
    ("size", "gating"),
    [
        ((1, 1), (1, 1)),
        ((1, 5), (3, 1)),
        ((8, 6), (4, 3)),
        ((5, 2), (9, 7)),
        ((7,), (2,)),
        ((4, 1, 5), (2, 3, 2)),
        ((2, 3, 1, 4), (1, 2, 2, 3)),
    ],
    ids=str,
)
def test_grid_of_any_sizes(size, gating, data_format):
    shapes = ((2, *size, 4), (2, *gating, 3))
    case = Case(AttentionGate, {"grid": True, "hidden_units": 3}, shapes)
    layer, inputs = case.generic(data_format=data_format), case.inputs()
    moved = [to_layout(x, data_format) for x in inputs]
    outputs, attention = layer(*moved, return_attention=True)
    expected, gate = references.run(layer, inputs)
    assert_close(to_last(outputs, data_format), expected)
    assert_close(to_last(attention, data_format), gate)


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (5, 8)], ids=str)
def test_grid_of_unknown_sizes(size, data_format):
    shapes = ((2, *size, 4), (2, 3, 2, 5))
    case = Case(AttentionGate, {"grid": True}, shapes)
    layer, inputs = case.generic(data_format=data_format), case.inputs()
    moved = [to_layout(x, data_format) for x in inputs]
    symbols = [
        keras.Input(to_layout((None, None, None, shape[-1]), data_format)[1:])
        for shape in shapes
    ]
    model = keras.Model(symbols, layer(*symbols))
    found = model.predict(moved, verbose=0)
    assert_close(to_last(found, data_format), references.run(layer, inputs)[0])


def test_a_gate_of_zeros_closes_the_connection(rng):
    x = rng.normal(size=(2, 4, 4, 8)).astype("float32")
    layer = built(x.shape, x.shape)
    layer.psi.bias.assign([-1000.0])
    assert_close(to_numpy(layer(x, x)), np.zeros(x.shape))


def test_map_that_does_not_fit_raises():
    x = np.zeros((2, 4, 4, 8), "float32")
    layer = built(x.shape, (2, 4, 4, 6))
    for shape, message in (
        ((2, 4, 2, 6), "same spatial sizes, unless `grid=True`"),
        ((2, 4, 6), "same rank"),
        ((2, 4, 4, 5), "`gating` must have 6 channels"),
    ):
        with pytest.raises(ValueError, match=message) as error:
            layer.call(x, np.zeros(shape, "float32"))
        assert f"Received: x_shape=(2, 4, 4, 8), gating_shape={shape}" in str(
            error.value
        )
    with pytest.raises(ValueError, match="same spatial sizes"):
        built(x.shape, (2, 2, 2, 6))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("grid", [False, True])
def test_published_weights_of_any_number_of_axes(grid, axes, rng):
    shapes = ((None, *[4] * axes, 8), (None, *[4] * axes, 6))
    layer, another = (built(*shapes, grid=grid) for _ in range(2))
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    weights = export_reference_weights(layer, "official" if grid else "monai")
    phi = weights["phi.weight" if grid else "W_g.0.conv.weight"]
    assert phi.shape == (4, 6, *[1] * axes)
    load_reference_weights(another, weights)
    for old, new in zip(layer.weights, another.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(old), to_numpy(new))
