"""Modules of `compare.py`: results, networks, costs and the comparison."""

import doctest
import json
import struct
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import _backbone
import _compare_picture
import _results
import _table
import _verdict

import keras_attention
from multiply_adds import multiply_adds


def test_results_are_kept_by_their_settings(tmp_path):
    path = tmp_path / "results.json"
    results = _results.Results(path, {"epochs": 1})
    assert results.get("se", 0) is None
    results.add("se", 0, 90.0)
    results.add("se", 1, 91.0)
    results.add("se", 1, 92.0)
    other = _results.Results(path, {"epochs": 2})
    assert other.get("se", 0) is None
    other.add("se", 0, 95.0)
    again = _results.Results(path, {"epochs": 1})
    assert [again.get("se", seed) for seed in range(3)] == [90, 92, None]
    anew = _results.Results(path, {"epochs": 1}, restart=True)
    assert anew.get("se", 0) is None
    assert other.get("se", 0) == 95
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"name": "se"}]', "[{"])
def test_file_that_is_no_file_of_results(text, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="begin anew with --restart"):
        _results.Results(path, {})
    _results.Results(path, {}, restart=True)
    assert json.loads(path.read_text()) == []


ATTENTIONS = (
    "se:hidden_units=3",
    "eca",
    "cbam",
    "coord",
    "simam",
    "lka",
    "bam",
    "nl",
    "sk",
    "dcnv2",
    "aff",
)


@pytest.mark.parametrize("attention", [*ATTENTIONS, "sge:groups=8"])
def test_multiply_adds_are_those_of_the_equations(attention):
    plain, model = (
        _backbone.build(x, (8, 8, 1), 10, 16) for x in ("none", attention)
    )
    rng = np.random.default_rng(0)
    inserted = [x for x in model.layers if hasattr(x, "card")]
    inputs = [
        [
            rng.normal(size=(1, *y.shape[1:]))
            for y in keras.tree.flatten(x.input)
        ]
        for x in inserted
    ]
    shapes = [(8, 8, 16), (4, 4, 32), (2, 2, 64)]
    assert [x[0].shape[1:] for x in inputs] == shapes
    expected = sum(map(multiply_adds, inserted, inputs))
    if hasattr(inserted[0], "filters"):  # in place of a convolution
        expected -= sum(9 * h * w * c**2 for h, w, c in shapes)
    total = _backbone.multiply_adds(model)
    assert total - _backbone.multiply_adds(plain) == expected


def test_all_layers_that_a_block_can_have_are_inserted():
    texts = _backbone.insertable()
    names = {_backbone.parse(text)[0] for text in texts}
    assert len(names) == len(texts)
    for text in texts:
        model = _backbone.build(text, (8, 8, 1), 3, 16)
        assert sum(hasattr(x, "card") for x in model.layers) == 3
        assert model.output_shape == (None, 3)
    # All others have several inputs, make images of other sizes, have no
    # attention of their own, or are models.
    assert set(keras_attention.list_attentions()) - names == {
        "AttentionGate",
        "DynamicCapacityNetwork",
        "GlimpseNetwork",
        "GlimpseSensor",
        "IdentityStart",
        "MultiScaleDeformableAttention",
        "RecurrentAttention",
        "SpatialTransformer",
    }


@pytest.mark.parametrize("attention", ["ran", "ge", "se:use_bias=True"])
def test_multiply_adds_that_no_formula_has_are_unknown(attention):
    model = _backbone.build(attention, (8, 8, 1), 10, 32)
    assert _backbone.multiply_adds(model) is None


@pytest.mark.parametrize(
    ("size", "largest"), [(8, 8), (28, 14), (33, 9), (64, 16), (224, 14)]
)
def test_maps_are_small(size, largest):
    model = _backbone.build("simam", (size, size, 3), 2, 4)
    maps = [x.input.shape[1] for x in model.layers if hasattr(x, "card")]
    assert maps == [largest, -(-largest // 2), -(-largest // 4)]


def test_networks_of_a_seed_start_from_the_same_weights():
    kernels = []
    for attention in ("none", "cbam"):
        keras.utils.clear_session()
        keras.utils.set_random_seed(3)
        model = _backbone.build(attention, (8, 8, 1), 10, 16)
        kernels.append(
            {x.name: x.kernel for x in model.layers if hasattr(x, "kernel")}
        )
    plain, attended = (
        keras.tree.map_structure(keras.ops.convert_to_numpy, x) for x in kernels
    )
    assert plain.keys() == attended.keys()
    for name, kernel in plain.items():
        assert np.array_equal(kernel, attended[name])


@pytest.mark.parametrize(
    ("attention", "message"),
    [
        ("ag", "missing a required argument: 'gating'"),
        ("sge", "`groups` must divide the number of channels (16)"),
    ],
)
def test_layers_that_do_not_fit_raise(attention, message, capsys):
    with pytest.raises(SystemExit) as end:
        _backbone.build_all(["none", "simam", attention], (8, 8, 1), 10, 16)
    assert end.value.code == 2
    errors = capsys.readouterr().err
    assert f"error: {attention} cannot be inserted" in errors
    assert message in errors


@pytest.mark.parametrize("attention", ["se:4", "se:reduction=x", "se:("])
def test_arguments_without_literal_values_raise(attention):
    with pytest.raises((ValueError, SyntaxError)):
        _backbone.parse(attention)


def test_comparison_is_described():
    costs = {"none": 1, "se": 3, "eca": 2, "bam": 0}
    accuracies = {
        "none": [80.0, 81.0, 82.0],
        "se": [90.0, 91.0, 92.0],
        "eca": [89.0, 90.0, 91.5],
        "bam": [80.5, 81.5, 82.0],
    }
    answer = _verdict.describe(accuracies, costs, "multiply-adds")
    *clear, last = answer.splitlines()
    assert clear == [
        "se: 10.00 percentage points higher than none (standard error 0.82).",
        "eca: 9.17 percentage points higher than none (standard error 0.93).",
        "bam: differs from none by no more than two standard errors.",
    ]
    assert last == (
        "Best: se; within two standard errors of it: eca. The cheapest of "
        "these 2 by multiply-adds: eca."
    )
    del accuracies["eca"]
    answer = _verdict.describe(accuracies, costs, "multiply-adds")
    assert "by more than two standard errors from all others" in answer
    single = {attention: values[:1] for attention, values in accuracies.items()}
    answer = _verdict.describe(single, costs, "multiply-adds")
    assert answer.endswith("se has the highest accuracy.")


def test_many_networks_have_rows(tmp_path):
    sizes = []
    for count in (15, 16, 40):
        run = {"accuracy in %": 90.0, "multiply-adds": None, "ms/step": 2.0}
        rows = {f"layer {i}": [run, run] for i in range(count - 1)}
        path = tmp_path / f"{count}.png"
        _compare_picture.plot(path, "title", {"none": [run, run], **rows})
        sizes.append(struct.unpack(">II", path.read_bytes()[16:24]))
    assert [width for width, _ in sizes] == [1210, 1000, 1000]
    assert sizes[1][1] < sizes[2][1] < 1000


def test_equal_accuracies_do_not_differ():
    same = {"none": [100.0, 100.0], "se": [100.0, 100.0]}
    answer = _verdict.describe(same, {"none": 1, "se": 2}, "multiply-adds")
    assert "se: differs from none by no more than" in answer
    assert "The cheapest of these 2 by multiply-adds: none." in answer


def test_values_that_are_the_same_in_all_runs():
    runs = [{"count": None, "ms": 1.5}] * 2
    table = _table.markdown(
        "", {"count": "d", "ms": ".1f"}, {"a": runs}, ["ms"]
    )
    assert table.splitlines()[-1] == "| a | unknown | 1.5 |"


@pytest.mark.parametrize("module", [_backbone, _verdict])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).attempted
    assert not doctest.testmod(module).failed
