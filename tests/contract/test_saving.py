"""Files: models and weights are read as written, bit by bit."""

import keras

from contract.case import assert_same
from contract.case import flat
from contract.case import quantize
from contract.selection import for_cases


@for_cases()
def test_model_survives_saving(case, tmp_path):
    inputs = case.inputs()
    for call_kwargs in {}, case.all_outputs:
        model = case.model(**call_kwargs)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert type(loaded.layers[-1]) is case.layer_cls
        assert_same(loaded(inputs), model(inputs))


@for_cases(lambda case: case.has_weights)
def test_weights_survive_saving(case, tmp_path):
    model, inputs = case.model(), case.inputs()
    model.save_weights(tmp_path / "model.weights.h5")
    other = case.model(layer=case.layer())
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same(other(inputs), model(inputs))


@for_cases(lambda case: case.is_deterministic)
def test_quantized_model_survives_saving(case, tmp_path):
    """Twice: a file that was loaded can be saved again."""
    model, inputs = case.model(), case.inputs()
    before = flat(model(inputs))
    quantize(model)
    assert all(s.quantization_mode == "int8" for s in _dense(model))
    expected = flat(model(inputs))
    assert [a.shape for a in expected] == [a.shape for a in before]
    loaded = model
    for _ in range(2):
        loaded.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert len(_dense(loaded)) == len(_dense(model))
        assert all(s.quantization_mode == "int8" for s in _dense(loaded))
        assert_same(loaded(inputs), expected)


def _dense(model):
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Dense)
    ]
