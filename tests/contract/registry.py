"""The list of checks, which grows as the modules of checks are imported."""

from autodiff import THOROUGH

CHECKS = []
# How many cases of each class JAX and TensorFlow hold to a check.
_COUNTS = {}


def check(function):
    """Add a check to the contract."""
    CHECKS.append(function)
    return function


def plumbing(function):
    """Add a check of what a backend has little part in.

    PyTorch holds all cases to it, and the others the first of each class: they
    compile, and would take minutes to see the same again.
    """
    _COUNTS[function] = 1
    return check(function)


def compiles(function):
    """Add a check that compiles much, where a backend compiles.

    PyTorch holds all cases to it, and the others the first of each class.
    """
    _COUNTS[function] = 1
    return check(function)


def for_every_case(function):
    """Add a check that all backends hold all cases to."""
    _COUNTS[function] = None
    return check(function)


def held(function, cases):
    """Return which of some cases are held to a check.

    On JAX and TensorFlow two of each class, or one: what compiles is compared
    over all arguments in `tests/parity` and `tests/backend`.
    """
    if THOROUGH:
        return list(cases)
    count = _COUNTS.get(function, 2)
    first = {}
    for case in cases:
        first.setdefault(case.layer_cls, []).append(case)
    return [case for each in first.values() for case in each[:count]]
