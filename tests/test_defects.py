"""The checks bite: each of the deliberate defects is caught as it is said."""

import dataclasses
import inspect
import pathlib

import pytest
from defects import DEFECTS
from injection import injected

from cases import EVERYTHING
from contract import CHECKS
from contract.recurrent import training_loss_has_the_twins_slope

CONTRIBUTING = pathlib.Path(__file__).parents[1] / "CONTRIBUTING.md"


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_defect_is_caught(defect, tmp_path):
    with injected(defect.module, defect.old, defect.new) as package:
        assert any(problems(defect, package, tmp_path))


# Once a layer and check.
WITHOUT = {(it.module, it.layer, it.check): it for it in DEFECTS}.values()


@pytest.mark.parametrize("defect", WITHOUT, ids=lambda defect: defect.name)
def test_the_same_without_the_defect_is_not(defect, tmp_path):
    with injected(defect.module, defect.old, defect.old) as package:
        assert not any(problems(defect, package, tmp_path))


def problems(defect, package, tmp_path):
    """Yield what the check finds in each case of the layer."""
    checks = [*CHECKS, training_loss_has_the_twins_slope]
    (check,) = (c for c in checks if c.__name__ == defect.check)
    values = {"tmp_path": tmp_path, "dtype": "mixed_float16"}
    wanted = list(inspect.signature(check).parameters)[1:]
    for case in EVERYTHING:
        if case.layer_cls.__name__ != defect.layer:
            continue
        layer_cls = getattr(package, defect.layer)
        copy = dataclasses.replace(case, layer_cls=layer_cls)
        try:
            check(copy, **{name: values[name] for name in wanted})
        # A layer with a defect may break a check in any way.
        except (Exception, pytest.fail.Exception) as problem:
            yield problem
        yield None


def test_contributing_has_the_table_of_defects():
    lines = CONTRIBUTING.read_text(encoding="utf-8").splitlines()
    rows = [f"| {defect.name} | `{defect.check}` |" for defect in DEFECTS]
    start = lines.index("| defect | caught by |")
    assert lines[start + 2 : start + 2 + len(rows) + 1] == [*rows, ""]
