"""Selection of the cases of each test of the contract, by their traits."""

import zlib
from collections.abc import Callable

import pytest

from autodiff import BACKEND
from autodiff import THOROUGH
from cases import EVERYTHING
from contract.case import Case

ORDER = ("torch", "jax", "tensorflow", "numpy", "openvino")


def for_cases(
    where: Callable[[Case], bool] = lambda case: True, every: bool = False
):
    """Parametrize a test over `case`: the cases with these traits.

    Unless `every` case is asked for, this is one case of each class, and of
    every third class where cases are compiled. Modules and backends take turns,
    so that each case is run by some of them; the tests of a module have the
    same cases, whose gradients are compiled once. `tests/parity` and
    `tests/backend` compare backends over all arguments.
    """
    selected = [case for case in EVERYTHING if where(case)]

    def parametrize(test):
        cases = selected
        if not (every or THOROUGH):
            turn = turn_of(test.__module__)
            cases = one_of_each_class(selected, turn)
            if BACKEND != "torch":
                cases = cases[turn % 3 :: 3]
        return pytest.mark.parametrize("case", cases, ids=str)(test)

    return parametrize


def turn_of(name):
    """Return a number for a module, another one on each backend."""
    return zlib.crc32(name.encode()) + ORDER.index(BACKEND)


def one_of_each_class(cases, turn=0):
    """Return the case of each class whose turn it is."""
    by_class = {}
    for case in cases:
        by_class.setdefault(case.layer_cls, []).append(case)
    return [group[turn % len(group)] for group in by_class.values()]
