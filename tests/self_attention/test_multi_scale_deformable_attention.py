"""Tests of `MultiScaleDeformableAttention` beyond the contract."""

import keras
import numpy as np
import pytest

import published
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import MultiScaleDeformableAttention
from keras_attention import export_reference_weights
from published import Published

GOLDENS = pytest.mark.parametrize(
    "case",
    [
        Published(file, has_channels=False)
        for file in ("ms_deform_attn", "ms_deform_attn_boxes")
    ],
    ids=str,
)
MAPS = [(2, 6, 5, 8), (2, 3, 2, 8)]


def inputs(data_format="channels_last", coordinates=2, queries=4):
    rng = np.random.default_rng(0)
    values = [rng.normal(size=shape).astype("float32") for shape in MAPS]
    return [
        rng.normal(size=(2, queries, 8)).astype("float32"),
        to_layout(values, data_format),
        rng.uniform(size=(2, queries, 2, coordinates)).astype("float32"),
    ]


def layer_of(num_heads=2, **kwargs):
    return MultiScaleDeformableAttention(
        num_heads, **{"num_points": 3, "dropout": 0.0} | kwargs
    )


@GOLDENS
@BOTH_WAYS
def test_golden(case, data_format, compiled):
    published.check(case, data_format, compiled)


@GOLDENS
def test_loaded_weights_are_exported_unchanged(case):
    published.check_export(case)


def test_both_layouts_have_the_same_names():
    layer = layer_of()
    layer(*inputs())
    official, mmcv = (
        export_reference_weights(layer, layout)
        for layout in ("official", "mmcv")
    )
    assert official.keys() == mmcv.keys()


@pytest.mark.parametrize(
    ("kwargs", "units"), [({}, 64), ({"hidden_units": 24}, 24)]
)
def test_weights(kwargs, units):
    layer = MultiScaleDeformableAttention(**kwargs)
    layer.build((None, 7, 64), [(None, 8, 8, 64)] * 3, (None, 7, 3, 2))
    points = 8 * 3 * 4
    assert layer.count_params() == (
        65 * points * 3 + 65 * units + (units + 1) * 64
    )
    assert [(role(w), tuple(w.shape)) for w in layer.weights] == [
        ("offset_kernel", (64, 2 * points)),
        ("offset_bias", (2 * points,)),
        ("score/kernel", (64, points)),
        ("score/bias", (points,)),
        ("value/kernel", (64, units)),
        ("value/bias", (units,)),
        ("out/kernel", (units, 64)),
        ("out/bias", (64,)),
    ]


def test_heads_start_in_their_directions():
    layer = layer_of(8, num_points=2)
    query, values, points = inputs()
    attention = layer.attention(query, values, points)
    assert_close(attention["weights"], np.full((2, 4, 8, 2, 2), 1 / 4))
    for level, (_, height, width, _) in enumerate(MAPS):
        move = to_numpy(attention["locations"])[:, :, :, level]
        move = move - points[:, :, None, level, None]
        move = move * [width, height]
        directions = [(1, 0), (1, 1), (0, 1), (-1, 1)]
        directions += [(-1, 0), (-1, -1), (0, -1), (1, -1)]
        expected = np.array(directions)[:, None] * [[1], [2]]
        np.testing.assert_allclose(
            move, np.broadcast_to(expected, move.shape), atol=1e-5
        )


def test_boxes_scale_the_offsets():
    layer = layer_of()
    query, values, boxes = inputs(coordinates=4)
    locations = to_numpy(layer.attention(query, values, boxes)["locations"])
    # The first head starts to the right: the last point is at the edge.
    right = boxes[..., :2] + [0.5, 0] * boxes[..., 2:]
    assert_close(locations[:, :, 0, :, 2], right)


def test_a_query_does_not_depend_on_the_others(data_format):
    layer = layer_of(data_format=data_format)
    query, values, points = inputs(data_format)
    together = to_numpy(layer(query, values, points))
    alone = layer(query[:, 1:2], values, points[:, 1:2])
    assert_close(alone, together[:, 1:2])


def test_dropout_is_of_the_sum_and_not_of_the_query():
    layer = layer_of(dropout=0.5)
    query, values, points = inputs(queries=200)
    kept = to_numpy(layer(query, values, points)) - query
    found = to_numpy(layer(query, values, points, training=True)) - query
    dropped = np.isclose(found, 0, atol=1e-6) & ~np.isclose(kept, 0, atol=1e-4)
    assert 0.4 < dropped.mean() < 0.6
    rest = ~np.isclose(found, 0, atol=1e-6)
    np.testing.assert_allclose(found[rest], 2 * kept[rest], atol=1e-5)
    again = to_numpy(layer(query, values, points, training=True)) - query
    assert (again != found).any()


def test_all_is_dropped_at_a_rate_of_one():
    layer = layer_of(dropout=1.0)
    query, values, points = inputs()
    assert_same(layer(query, values, points, training=True), query)


def test_reference_points_keep_float32_in_half_precision():
    """On a map of 1000 columns, half precision is off by half a pixel."""
    layer = layer_of(1, num_points=1, dtype="mixed_float16")
    query = np.zeros((1, 1, 8), "float32")
    value = np.zeros((1, 1, 1000, 8), "float16")
    value[:, :, 901] = 1
    points = np.array([(901 - 1 + 0.5) / 1000, 0.5], "float32")
    layer.build(query.shape, [value.shape], (1, 1, 1, 2))
    layer.value.set_weights([np.eye(8), np.zeros(8)])
    layer.out.set_weights([np.eye(8), np.zeros(8)])
    # The head starts one pixel to the right.
    y = layer(query, [value], points.reshape(1, 1, 1, 2))
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    np.testing.assert_allclose(to_numpy(y).ravel(), 1, atol=2e-3)


def test_models_of_named_inputs_survive_saving(tmp_path):
    symbols = {
        "query": keras.Input((None, 8), name="query"),
        "fine": keras.Input((None, None, 8), name="fine"),
        "coarse": keras.Input((None, None, 8), name="coarse"),
        "points": keras.Input((None, 2, 4), name="points"),
    }
    query, fine, coarse, points = symbols.values()
    y, attention = layer_of(data_format="channels_last")(
        query, [fine, coarse], points, return_attention=True
    )
    assert y.shape == (None, None, 8)
    assert attention["locations"].shape == (None, None, 2, 2, 3, 2)
    assert attention["weights"].shape == (None, None, 2, 2, 3)
    model = keras.Model(symbols, {"y": y, **attention})
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    query, (fine, coarse), points = inputs(coordinates=4)
    arrays = dict(zip(symbols, (query, fine, coarse, points), strict=True))
    found, expected = loaded(arrays), model(arrays)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert_same(found[name], array)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"values": []}, "must be a list of tensors, at least one"),
        ({"values": [np.ones((2, 6, 5, 8))]}, "in the first call, here 2"),
        (
            {"values": [np.ones((2, 6, 5, 8)), np.ones((2, 6, 5, 4))]},
            r"with the channels of `query` \(8\)",
        ),
        (
            {"values": [np.ones((2, 6, 5, 8)), np.ones((2, 6, 8))]},
            "maps of rank 4",
        ),
        ({"values": np.ones((2, 6, 5, 8))}, "must be a list of tensors"),
        ({"values": [[np.ones((2, 6, 5, 8))]] * 2}, "must be one tensor"),
        ({"query": [np.ones((2, 4, 8))]}, "must be one tensor"),
        ({"reference_points": np.ones((2, 4, 2, 3))}, "2 or 4"),
        ({"reference_points": np.ones((2, 4, 3, 2))}, "of `values`, 2"),
        ({"reference_points": np.ones((2, 5, 2, 2))}, r"`query`, \(2, 4\)"),
        ({"reference_points": np.ones((2, 4, 2))}, "`reference_points` must"),
    ],
)
def test_inputs_that_do_not_fit_raise(change, match):
    layer = layer_of(data_format="channels_last")
    arrays = dict(
        zip(("query", "values", "reference_points"), inputs(), strict=True)
    )
    layer(**arrays)
    with pytest.raises(ValueError, match=match) as error:
        layer(**arrays | change)
    assert "Received: " in str(error.value)


def test_heads_that_do_not_divide_the_units_raise():
    with pytest.raises(ValueError, match=r"`num_heads` must divide .* \(8\)"):
        layer_of(3)(*inputs())
    layer_of(3, hidden_units=6)(*inputs())


@pytest.mark.parametrize("values", [[], [None], None, "maps"])
def test_a_list_without_maps_raises(values):
    query, points = np.zeros((2, 4, 8)), np.zeros((2, 4, 1, 2))
    with pytest.raises(ValueError, match=r"`values` must be .*Received: "):
        layer_of()(query, values, points)


def test_missing_reference_points_raise():
    query, values = np.zeros((2, 4, 8)), [np.zeros((2, 5, 5, 8))]
    layer = layer_of()
    with pytest.raises(ValueError, match="`reference_points` must have"):
        layer(query, values, None)
    layer = layer_of()
    layer.build((2, 4, 8), [(2, 5, 5, 8)], (2, 4, 1, 2))
    with pytest.raises(ValueError, match="`reference_points` must have"):
        layer(query, values, None)
