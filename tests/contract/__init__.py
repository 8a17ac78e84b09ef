"""What every layer of this package promises, as one small check per promise.

A check takes a `Case`, and fixtures by name after it. `test_contract.py`
crosses all cases with all checks, so a broken promise is reported under its own
name and hides no other.
"""

from contract import attention
from contract import configuration
from contract import gradients
from contract import outputs
from contract import precision
from contract import saving
from contract import training
from contract.case import Case
from contract.case import Fresh
from contract.case import arguments
from contract.registry import CHECKS
from contract.registry import held

__all__ = [
    "CHECKS",
    "Case",
    "Fresh",
    "arguments",
    "attention",
    "configuration",
    "gradients",
    "held",
    "outputs",
    "precision",
    "saving",
    "training",
]
