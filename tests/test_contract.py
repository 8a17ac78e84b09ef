"""All cases crossed with all checks, and nobody left out."""

import inspect

import keras
import pytest

import keras_attention
import twins
from cases import CASES
from cases import EVERYTHING
from contract import CHECKS
from contract import arguments


def variants_of_checks():
    """Return each check with each set of its own parameters."""
    params = []
    for check in CHECKS:
        variants = [{}]
        marks = []
        for mark in getattr(check, "pytestmark", ()):
            if mark.name == "parametrize":
                name, values = mark.args
                variants = [{name: value} for value in values]
            else:
                marks.append(mark)
        for variant in variants:
            name = "-".join([check.__name__, *map(str, variant.values())])
            params.append(pytest.param(check, variant, marks=marks, id=name))
    return params


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize(("check", "variant"), variants_of_checks())
def test_contract(check, variant, case, request):
    fixtures = [
        name
        for name in list(inspect.signature(check).parameters)[1:]
        if name not in variant
    ]
    values = {name: request.getfixturevalue(name) for name in fixtures}
    check(case, **values, **variant)


PUBLIC = {
    value
    for name in keras_attention.__all__
    if isinstance(value := getattr(keras_attention, name), type)
    and issubclass(value, keras.layers.Layer)
}


def test_every_public_layer_is_under_contract():
    assert {case.layer_cls for case in EVERYTHING} == PUBLIC
    assert twins.TWINS.keys() == {layer_cls.__name__ for layer_cls in PUBLIC}


@pytest.mark.parametrize("layer_cls", sorted(PUBLIC, key=lambda c: c.__name__))
def test_every_argument_is_in_some_case(layer_cls):
    cases = [case for case in EVERYTHING if case.layer_cls is layer_cls]
    exercised = {"data_format"}.union(*(case.kwargs for case in cases))
    assert arguments(layer_cls).keys() <= exercised
