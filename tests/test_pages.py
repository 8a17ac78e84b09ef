"""The pages of the site: their code runs, and their formulas are correct.

`docs/test_site.py` has the tests that need the built site.
"""

import ast
import math
from functools import partial

import keras
import numpy as np
import pytest

from autodiff import shapes_of
from keras_attention import _cards
from keras_attention import models
from multiply_adds import multiply_adds
from pages import ROOT
from pages import Page
from small_networks import small
from surgery_networks import residual

DOCS = ROOT / "docs"
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in DOCS.rglob("*.md")
    # Files that the site's build and the benchmarks write.
    if not {"_examples", "benchmarks", "gallery"} & set(path.parts)
)
CARDS = {name: cls.card for name, cls in _cards.layers().items()}
SIZES = {"C": 64, "H": 8, "W": 16, "F": 32}


def is_run(path):
    return bool(Page(path).blocks("python"))


@pytest.mark.parametrize("path", [path for path in PAGES if is_run(path)])
def test_python_runs(path, tmp_path, monkeypatch):
    # Small networks with the same names of weights replace the large ones.
    parts = {"depths": (1,), "widths": (16,)}
    stand_ins = {
        (models, "SEResNet50"): partial(small, "se", parts),
        (models, "SEResNet18"): partial(small, "se_basic", parts),
        (keras.applications, "ResNet50"): lambda **kwargs: residual(),
    }
    for (module, name), stand_in in stand_ins.items():
        monkeypatch.setattr(module, name, stand_in)
    monkeypatch.chdir(tmp_path)
    Page(path).run()


@pytest.mark.parametrize("path", PAGES)
def test_code_that_is_not_run_is_that_of_others(path):
    for block in Page(path).blocks("py"):
        ast.parse(block)
        assert "keras_attention" not in block
    for fence in ("pycon", "python3", r"\{code-block\}.*"):
        assert not Page(path).blocks(fence)


@pytest.mark.parametrize("name", [n for n in CARDS if CARDS[n].parameters])
def test_formulas_of_costs(name):
    card = CARDS[name]
    values = dict(SIZES)
    for symbol, value in card.symbols.items():
        values[symbol] = eval(value, {"max": max}, values)
    layer, inputs = built(card.call, values)
    parameters = sum(math.prod(w.shape) for w in layer.trainable_weights)
    if "N" in values:  # those of the localization network come on top
        parameters -= layer.localization.count_params()
    assert eval(card.parameters, {}, values) == parameters
    count = eval(card.multiply_adds, {}, values)
    assert count == multiply_adds(layer, inputs)


def built(call, values):
    """Return a layer and its inputs, by how the page makes it."""
    shape = (1, *(values[size] for size in "HWC"))
    inputs = [np.random.default_rng(0).normal(size=shape)]
    if "FeatureFusion" in call or "AttentionGate" in call:
        inputs *= 2
    if "MultiScaleDeformable" in call:  # one map, with a query at each position
        inputs = each_position(inputs[0])
    if "Glimpse" in call:
        inputs.append(np.zeros((1, 2)))
    localization = keras.Sequential(
        [
            keras.Input((None, None, values["C"])),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(2, activation="softsign", name="dense"),
        ],
        name="localization",
    )
    names = {"localization": localization, **values}
    layer = eval(call, _cards.layers(), names)
    layer.build(*shapes_of(inputs))
    return layer, inputs


def each_position(x):
    """Return queries, the list of maps, and points of all positions."""
    query = x.reshape(len(x), -1, x.shape[-1])
    points = np.random.default_rng(1).uniform(size=(*query.shape[:2], 1, 2))
    return [query, [x], points]
