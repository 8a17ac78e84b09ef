"""The contract of every layer of this package, one check per property.

A check is a function of a `Case`, and of fixtures by name. `test_contract.py`
runs all checks on all cases, so each failure is reported under the name of the
check.
"""

from contract import attention
from contract import configuration
from contract import gradients
from contract import outputs
from contract import precision
from contract import saving
from contract import training
from contract.case import Case
from contract.case import LayerFactory
from contract.case import arguments
from contract.registry import CHECKS
from contract.registry import cases_for

__all__ = [
    "CHECKS",
    "Case",
    "LayerFactory",
    "arguments",
    "attention",
    "cases_for",
    "configuration",
    "gradients",
    "outputs",
    "precision",
    "saving",
    "training",
]
