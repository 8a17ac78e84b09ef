"""Each deliberate mutation is caught by the named check."""

import dataclasses
import inspect
import pathlib

import pytest

from cases import EVERYTHING
from contract import CHECKS
from contract.recurrent import training_loss_has_the_gradients_of_the_reference
from mutation import mutated
from mutations import MUTATIONS

CONTRIBUTING = pathlib.Path(__file__).parents[1] / "CONTRIBUTING.md"


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
    """Yield the failure of the check for each case of the layer."""
    checks = [*CHECKS, training_loss_has_the_gradients_of_the_reference]
    (check,) = (c for c in checks if c.__name__ == mutation.check)
    values = {"tmp_path": tmp_path, "dtype": "mixed_float16"}
    wanted = list(inspect.signature(check).parameters)[1:]
    for case in EVERYTHING:
        if case.layer_cls.__name__ != mutation.layer:
            continue
        layer_cls = getattr(package, mutation.layer)
        copy = dataclasses.replace(case, layer_cls=layer_cls)
        try:
            check(copy, **{name: values[name] for name in wanted})
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
