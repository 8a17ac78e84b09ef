"""Each deliberate mutation is caught by the named check."""

import dataclasses
import importlib
import inspect
import itertools
import pathlib

import pytest

from cases import EVERYTHING
from contract.case import LAYOUTS
from mutation import mutated
from mutations import MUTATIONS

CONTRIBUTING = pathlib.Path(__file__).parents[1] / "CONTRIBUTING.md"
CONTRACT = pathlib.Path(__file__).parent / "contract"
TESTS = {
    name: value
    for path in CONTRACT.glob("test_*.py")
    for name, value in vars(
        importlib.import_module(f"contract.{path.stem}")
    ).items()
    if name.startswith("test_")
}


@pytest.mark.parametrize(
    "mutation", MUTATIONS, ids=lambda mutation: mutation.name
)
def test_mutation_is_caught(mutation, tmp_path):
    with mutated(mutation.module, mutation.old, mutation.new) as package:
        assert any(problems(mutation, package, tmp_path))


# Once a layer and check.
WITHOUT = {(it.module, it.layer, it.check): it for it in MUTATIONS}.values()


@pytest.mark.parametrize(
    "mutation", WITHOUT, ids=lambda mutation: mutation.name
)
def test_unmutated_package_passes(mutation, tmp_path):
    with mutated(mutation.module, mutation.old, mutation.old) as package:
        assert not any(problems(mutation, package, tmp_path))


def problems(mutation, package, tmp_path):
    """Yield the failure of the check for each case of the layer, or `None`."""
    test = TESTS[f"test_{mutation.check}"]
    values = {
        "case": [
            dataclasses.replace(
                case, layer_cls=getattr(package, mutation.layer)
            )
            for case in EVERYTHING
            if case.layer_cls.__name__ == mutation.layer
        ],
        "data_format": LAYOUTS,
        "dtype": ["mixed_float16"],
        "tmp_path": [tmp_path],
    }
    names = inspect.signature(test).parameters
    for combination in itertools.product(*(values[name] for name in names)):
        try:
            test(*combination)
        # A layer with a mutation may break a check in any way.
        except (Exception, pytest.fail.Exception) as problem:
            yield problem
        yield None


def test_contributing_has_the_table_of_mutations():
    lines = CONTRIBUTING.read_text(encoding="utf-8").splitlines()
    rows = [
        f"| {mutation.name} | `{mutation.check}` |" for mutation in MUTATIONS
    ]
    start = lines.index("| mutation | caught by |")
    assert lines[start + 2 : start + 2 + len(rows) + 1] == [*rows, ""]
