"""The list of checks, which grows as the modules of checks are imported."""

from autodiff import THOROUGH

CHECKS = []
_FOR_EVERY_CASE = []


def check(function):
    """Add a check to the contract."""
    CHECKS.append(function)
    return function


def for_every_case(function):
    """Add a check that all backends hold all cases to."""
    _FOR_EVERY_CASE.append(function)
    return check(function)


def held(function, cases):
    """Return which of some cases are held to a check.

    On JAX and TensorFlow one of each class: what compiles is compared over all
    arguments in `tests/parity` and `tests/backend`.
    """
    if THOROUGH or function in _FOR_EVERY_CASE:
        return list(cases)
    first = {}
    for case in cases:
        first.setdefault(case.layer_cls, case)
    return list(first.values())
