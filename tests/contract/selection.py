"""Selection of the cases of each test of the contract, by their traits."""

from collections.abc import Callable

import pytest

from autodiff import THOROUGH
from cases import EVERYTHING
from contract.case import Case


def for_cases(where: Callable[[Case], bool] = lambda case: True):
    """Parametrize a test over `case`: the cases with these traits.

    On JAX and TensorFlow this is one case per class, to save compilation time:
    `tests/parity` and `tests/backend` compare backends over all arguments.
    """
    selected = [case for case in EVERYTHING if where(case)]
    if not THOROUGH:
        selected = first_of_each_class(selected)
    return pytest.mark.parametrize("case", selected, ids=str)


def for_every_case(where: Callable[[Case], bool] = lambda case: True):
    """Parametrize a test over `case` as `for_cases`: all on all backends."""
    selected = [case for case in EVERYTHING if where(case)]
    return pytest.mark.parametrize("case", selected, ids=str)


def first_of_each_class(cases):
    """Return the first case of each class."""
    first = {}
    for case in cases:
        first.setdefault(case.layer_cls, case)
    return list(first.values())
