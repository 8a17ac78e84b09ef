"""The list of checks, which grows as the modules of checks are imported."""

CHECKS = []


def check(function):
    """Add a check to the contract."""
    CHECKS.append(function)
    return function
