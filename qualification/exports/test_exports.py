"""Exports that worked before still work."""

import json
import os
import sys
from pathlib import Path

import keras
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import formats
import table

from cases import CASES
from cases import EVERYTHING
from contract.case import assert_close
from contract.case import each_shape
from keras_attention import DynamicCapacityNetwork

# No ONNX file of `DynamicCapacityNetwork` runs, in either data format.
ONE_OF_EACH = {
    case.layer_cls: case
    for case in reversed([*EVERYTHING])
    if case.layer_cls is not DynamicCapacityNetwork
}.values()

KNOWN = json.loads(table.RESULTS.read_text()).get(formats.BACKEND, {})


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    found = table.run(tmp_path_factory.mktemp("exports"))
    if os.environ.get("WRITE"):
        table.write(found)
    return found


def test_exports_that_worked_still_work(found):
    worse = {
        f"{subject}, {name}": found[subject][name]
        for subject, results in KNOWN.items()
        for name, result in results.items()
        if table.works(result) and not table.works(found[subject][name])
    }
    assert not worse


def test_failed_exports_raise(found):
    """Unsupported exports raise an error: no file has wrong outputs."""
    silent = {
        f"{subject}, {name}": result
        for subject, results in found.items()
        for name, result in results.items()
        if isinstance(result, float) and not table.works(result)
    }
    assert not silent


@pytest.mark.skipif(
    formats.BACKEND != "tensorflow",
    reason="Files of JAX and PyTorch are traced at one size.",
)
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.any_size], ids=str
)
def test_onnx_files_of_unknown_sizes_run_at_any_size(case, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    images = [keras.Input((*[None] * (len(s) - 2), s[-1])) for s in case.shapes]
    outputs = case.generic()(*images)
    model = keras.Model(images if len(images) > 1 else images[0], outputs)
    small, large = case.inputs(), case.inputs(case.resized(3, 9))
    path, _ = formats.write("ONNX", model, tmp_path / "model", small)
    session = onnxruntime.InferenceSession(path)
    names = [entry.name for entry in session.get_inputs()]
    for inputs in (small, large):
        found = session.run(None, dict(zip(names, inputs, strict=True)))[0]
        assert_close(found, formats.call(model, inputs))


@pytest.mark.skipif(
    formats.BACKEND != "torch",
    reason="TensorFlow exports no channels-first convolution from a CPU, and "
    "jax2onnx has few of the operations.",
)
@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
def test_onnx_files_of_channels_first_layers_run(case, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    layout = {"data_format": "channels_first"}
    maps = each_shape(
        lambda shape: keras.Input(shape[1:]),
        case.in_layout(case.shapes, **layout),
    )
    outputs = case.generic(**layout)(*maps)
    maps = keras.tree.flatten(maps)
    model = keras.Model(maps if len(maps) > 1 else maps[0], outputs)
    x = keras.tree.flatten(case.in_layout(case.inputs(), **layout))
    path, expected = formats.write("ONNX", model, tmp_path / "model", x)
    session = onnxruntime.InferenceSession(path)
    names = [entry.name for entry in session.get_inputs()]
    found = session.run(None, dict(zip(names, x, strict=True)))[0]
    assert_close(found, expected)
