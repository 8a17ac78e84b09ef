"""All contract checks on all cases, and completeness of the cases."""

import inspect

import keras
import pytest

import keras_attention
import references
from cases import CASES
from cases import EVERYTHING
from contract import CHECKS
from contract import arguments
from contract import cases_for


def checks_and_cases():
    """Yield each check with each of its parameters and cases."""
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
            for case in cases_for(check, CASES):
                yield pytest.param(
                    check, variant, case, marks=marks, id=f"{name}-{case}"
                )


@pytest.mark.parametrize(("check", "variant", "case"), list(checks_and_cases()))
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
