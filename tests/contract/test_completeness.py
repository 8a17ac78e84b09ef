"""Completeness of the cases: every public layer, and every argument."""

import keras
import pytest

import keras_attention
import references
from cases import EVERYTHING
from contract.case import arguments

PUBLIC = {
    value
    for name in keras_attention.__all__
    if isinstance(value := getattr(keras_attention, name), type)
    and issubclass(value, keras.layers.Layer)
}


def test_every_public_layer_has_a_contract_case():
    assert {case.layer_cls for case in EVERYTHING} == PUBLIC
    assert references.REFERENCES.keys() == {
        layer_cls.__name__ for layer_cls in PUBLIC
    }


@pytest.mark.parametrize("layer_cls", sorted(PUBLIC, key=lambda c: c.__name__))
def test_every_argument_is_in_some_case(layer_cls):
    cases = [case for case in EVERYTHING if case.layer_cls is layer_cls]
    exercised = {"data_format"}.union(*(case.kwargs for case in cases))
    assert arguments(layer_cls).keys() <= exercised
