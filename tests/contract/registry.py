"""The list of checks, filled when the modules of checks are imported."""

from autodiff import THOROUGH

CHECKS = []
_FOR_EVERY_CASE = []


def check(function):
    """Add a check to the contract."""
    CHECKS.append(function)
    return function


def for_every_case(function):
    """Add a check that all backends run on all cases."""
    _FOR_EVERY_CASE.append(function)
    return check(function)


def cases_for(function, cases):
    """Return the cases on which a check is run.

    On JAX and TensorFlow this is one case per class, to save compilation time:
    `tests/parity` and `tests/backend` compare backends over all arguments.
    """
    if THOROUGH or function in _FOR_EVERY_CASE:
        return list(cases)
    first = {}
    for case in cases:
        first.setdefault(case.layer_cls, case)
    return list(first.values())
