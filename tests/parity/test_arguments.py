"""The generated cases cover every argument of the public surface."""

import inspect
import re

import pytest

import keras_attention as ka
from contract.case import LayerFactory
from parity.generated import FUNCTIONS
from parity.generated import LAYERS
from parity.generated import STRATEGIES
from parity.generated import generated

# Number of cases of each name in `tox run -e parity`.
CASES = 60
# Arguments with a single value, and the reason.
NOT_VARIED = {
    "kernel_initializer": "weights are set to generated values",
    "dropout": "it uses random numbers",
    "monte_carlo_samples": "more than one uses random numbers",
    "start": "a random location uses random numbers",
    "top": "any network: its maps vary",
    "coarse": "any network: its strides vary",
    "fine": "any network: its kernels vary",
    "localization": "any network: its channels vary",
}
# Arguments of functions that are arrays, which all vary.
ARRAYS = {
    "inputs",
    "grid",
    "theta",
    "points",
    "images",
    "locations",
    "offsets",
    "kernel",
    "mask",
    "bias",
    "values",
    "weights",
}


def public(name):
    return getattr(ka, name, None) or getattr(ka.ops, name)


def values(name, case, argument, default):
    """Return the value of an argument in a case, as text."""
    if argument == "data_format":
        return case.source.layout
    value = case.source.case.kwargs.get(argument, default)
    return str(value)


@pytest.mark.parametrize("name", [*LAYERS, *FUNCTIONS])
def test_every_argument_has_several_values(name):
    assert name in STRATEGIES, f"give {name} a strategy in stress/strategies.py"
    generated_cases = [generated(name, index) for index in range(CASES)]
    parameters = inspect.signature(public(name)).parameters.values()
    for parameter in parameters:
        argument = parameter.name
        if (
            parameter.kind == parameter.VAR_KEYWORD
            or argument in NOT_VARIED
            or (name in FUNCTIONS and argument in ARRAYS)
        ):
            continue
        found = {
            values(name, case, argument, parameter.default)
            for case in generated_cases
        }
        assert len(found) > 1, f"{argument} of {name} is always {found}"
        missing = options(name, argument, generated_cases) - found
        assert not missing, f"{argument} of {name} is never {missing}"


def options(name, argument, generated_cases):
    """Return the strings that an argument may be, as its error names them."""
    case = next(
        (
            case.source.case
            for case in generated_cases
            if isinstance(case.source.case.kwargs.get(argument), str)
        ),
        None,
    )
    if case is None or not isinstance(public(name), type):
        return set()
    try:
        case.layer(**{argument: "nonsense"})
    except ValueError as error:
        message = str(error).partition("Received")[0]
        return set(re.findall(r"'(\w+)'", message))
    raise AssertionError(f"{argument} of {name} may be any string")


def test_padding_and_interpolation_are_all_there():
    """Functions are not covered by the test above."""
    wanted = {
        ("grid_sample", "interpolation"): {"bilinear", "bicubic", "nearest"},
        ("grid_sample", "padding_mode"): {"zeros", "border", "reflection"},
        ("deform_conv2d", "padding"): {"same", "valid"},
    }
    for (name, argument), expected in wanted.items():
        found = {
            generated(name, index).source.case.kwargs[argument]
            for index in range(CASES)
        }
        assert expected <= found


def test_few_cases_have_both_modes_and_data_formats():
    for name in LAYERS:
        few = [generated(name, index) for index in range(4)]
        modes = 1 if name == "RecurrentAttention" else 2
        assert len({case.source.layout for case in few[:2]}) == 2
        assert len({case.training for case in few[:2]}) == modes
        both = {(str(case.source.layout), case.training) for case in few}
        assert len(both) == 2 * modes


def test_cases_are_the_same_each_time():
    for name in STRATEGIES:
        once, again = generated(name, 3), generated(name, 3)
        assert str(once) == str(again)
        for a, b in zip(once.inputs(), again.inputs(), strict=True):
            assert (a == b).all()


def test_layers_in_layers_are_all_that_keep_their_shape():
    inner = {
        str(generated("IdentityStart", index).source.case.kwargs["layer"])
        for index in range(CASES)
    }
    assert len(inner) > 5
    assert all(isinstance(getattr(ka, name), type) for name in inner)
    assert LayerFactory.__name__ not in inner
