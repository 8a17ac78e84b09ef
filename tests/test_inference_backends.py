"""Keras' NumPy and OpenVINO backends predict: they have no gradients.

`tox run -e numpy` and `tox run -e openvino` run this. The numbers are those of
the reference implementations in `tests/twins`.
"""

import keras
import numpy as np
import pytest

import cases
import twins
from contract.case import LAYOUTS
from contract.case import assert_close
from contract.case import to_layout
from contract.case import to_numpy
from parity.generated import FUNCTIONS
from parity.generated import generated
from stress.drawn import expected

BACKEND = keras.config.backend()
# The saliency of a dynamic capacity network is a gradient, and a prediction of
# several runs draws random numbers.
CASES = [
    case
    for case in cases.CASES + cases.GLIMPSES + cases.RECURRENT
    if case.kwargs.get("monte_carlo_samples", 1) == 1
]
# Rounding of float32, of sums in another order.
TOLERANCE = 1e-5


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_layers_compute_the_reference(case, layout):
    inputs = case.inputs()
    layer = case.generic(data_format=layout)
    moved = [to_layout(x, layout) if x.ndim > 2 else x for x in inputs]
    right, attention = twins.run(layer, inputs)
    if attention is None or case not in cases.CASES:
        found = layer(*moved)
    else:
        found, weights = layer(*moved, return_attention=True)
        assert_close(
            case.attention_to_last(weights, layout), attention, TOLERANCE
        )
    found = to_numpy(found)
    if layout == "channels_first" and found.ndim > 2:
        sensor = case.layer_cls.__name__ == "GlimpseSensor"
        found = np.moveaxis(found, 2 if sensor else 1, -1)
    assert_close(found, right, TOLERANCE)


@pytest.mark.parametrize("index", range(6))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_compute_the_reference(name, index):
    case = generated(name, index)
    layer, inputs = case.layer(), case.inputs()
    moved = case.drawn.moved(inputs)
    found = layer(*map(keras.ops.convert_to_tensor, moved))
    right = expected(layer, [np.asarray(x, "float64") for x in inputs])
    assert_close(case.drawn.back(found), right, TOLERANCE)


@pytest.mark.parametrize(
    "case", {case.layer_cls: case for case in CASES}.values(), ids=str
)
def test_files_are_loaded(case, tmp_path):
    model, inputs = case.model(), case.inputs()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_close(loaded.predict(inputs, verbose=0), model(inputs), TOLERANCE)


def test_what_needs_gradients_says_so():
    if BACKEND in ("jax", "tensorflow", "torch"):
        pytest.skip("This backend has gradients.")
    case = cases.DYNAMIC[0]
    with pytest.raises(NotImplementedError, match="needs the Keras backend"):
        case.generic()(*case.inputs())
