"""The list of checks, which grows as the modules of checks are imported."""

from autodiff import BACKEND
from autodiff import THOROUGH

CHECKS = []
_PLUMBING = set()
_COMPILED = set()


def check(function):
    """Add a check to the contract."""
    CHECKS.append(function)
    return function


def plumbing(function):
    """Add a check of what a backend has little part in.

    PyTorch holds all cases to it, and the others the first of each class: they
    compile, and would take minutes to see the same again.
    """
    _PLUMBING.add(function)
    return check(function)


def compiles(function):
    """Add a check that compiles much, where a backend compiles.

    PyTorch holds all cases to it. JAX and TensorFlow hold the first of each
    class, as their own code is compared over all arguments elsewhere.
    """
    _COMPILED.add(function)
    return check(function)


def held(function, cases):
    """Return which of some cases are held to a check."""
    everywhere = function not in _PLUMBING | _COMPILED
    if everywhere or BACKEND == "torch" or THOROUGH:
        return list(cases)
    first = {}
    for case in cases:
        first.setdefault(case.layer_cls, case)
    return list(first.values())
