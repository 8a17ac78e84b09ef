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

    With `every`, the test runs all of them. Otherwise it runs one case of each
    class, or of every third class on backends that compile. Modules and
    backends take turns, so that some module runs each case. The tests of a
    module run the same cases, so that gradients are compiled once.
    `tests/parity` and `tests/backend` compare backends over all arguments.
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
    """Return a number for a module, which differs between backends."""
    return zlib.crc32(name.encode()) + ORDER.index(BACKEND)


def one_of_each_class(cases, turn=0):
    """Return the case of each class whose turn it is."""
    by_class = {}
    for case in cases:
        by_class.setdefault(case.layer_cls, []).append(case)
    return [group[turn % len(group)] for group in by_class.values()]
