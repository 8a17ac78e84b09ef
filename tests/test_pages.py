"""The pages of the site: their code runs, and their formulas are correct.

`docs/test_site.py` has the tests that need the built site.
"""

import ast
import itertools
import math
import os

import keras
import numpy as np
import pytest

import pages
from autodiff import shapes_of
from keras_attention import _cards
from multiply_adds import multiply_adds
from pages import ROOT
from pages import Page

DOCS = ROOT / "docs"
GENERATED = {"_examples", "benchmarks", "classes", "gallery", "notebooks"}
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in DOCS.rglob("*.md")
    # Files that the site's build and the benchmarks write.
    if not GENERATED & set(path.parts)
)
CARDS = {name: cls.card for name, cls in _cards.layers().items()}
SIZES = {"C": 64, "H": 8, "W": 16, "F": 32}


# Pages with code by folder. The code of a folder runs in one process, because
# imports take longer than most pages.
FOLDERS = {
    folder: [path for path in paths if Page(path).blocks("python")]
    for folder, paths in itertools.groupby(
        sorted(PAGES, key=os.path.dirname), key=os.path.dirname
    )
}


@pytest.mark.parametrize("folder", [it for it in FOLDERS if FOLDERS[it]])
def test_python_runs(folder, tmp_path):
    done = pages.run(tmp_path, keras.config.backend(), *FOLDERS[folder])
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import keras", "must have os.environ"),
        ("import keras_attention\nimport os", "must have os.environ"),
        ("from keras import ops", "must have os.environ"),
        (
            'import os\nos.environ["KERAS_BACKEND"] = "torc"\nimport keras',
            "Received: torc for",
        ),
    ],
)
def test_code_that_selects_no_backend_is_found(code, message, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"```python\n{code}\n```\n")
    done = pages.run(tmp_path, keras.config.backend(), str(page))
    assert done.returncode == 1
    assert message in done.stderr


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
