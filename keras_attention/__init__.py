"""Attention layers of the vision literature for Keras 3, on every backend."""

import importlib
from typing import TYPE_CHECKING
from typing import Any

from keras_attention import channel
from keras_attention import fusion
from keras_attention import hard
from keras_attention import mixed
from keras_attention import ops as ops
from keras_attention import self_attention
from keras_attention import spatial

# Keras finds the classes of a saved model only once they are imported.
from keras_attention._base import channels_first as _channels_first  # noqa: F401
from keras_attention._base import named_outputs as _named_outputs  # noqa: F401
from keras_attention._base import traceable as _traceable  # noqa: F401
from keras_attention._base.card import Card
from keras_attention.channel import *
from keras_attention.fusion import *
from keras_attention.hard import *
from keras_attention.mixed import *
from keras_attention.self_attention import *
from keras_attention.spatial import *

if TYPE_CHECKING:
    from keras_attention import models as models
    from keras_attention.checkpoints import export_reference_weights
    from keras_attention.checkpoints import load_reference_weights
    from keras_attention.registry.get import get
    from keras_attention.registry.list_attentions import list_attentions
    from keras_attention.surgery.attach import attach
    from keras_attention.surgery.block_ends import block_ends
    from keras_attention.surgery.branch_ends import branch_ends
    from keras_attention.surgery.replace_add import replace_add
    from keras_attention.surgery.stage_ends import stage_ends
    from keras_attention.visualization.attention_maps import attention_maps
    from keras_attention.visualization.attention_monitor import AttentionMonitor
    from keras_attention.visualization.grad_cam import grad_cam
    from keras_attention.visualization.plot_attention import plot_attention

__all__ = [
    "AttentionMonitor",
    "Card",
    "attach",
    "attention_maps",
    "block_ends",
    "branch_ends",
    "export_reference_weights",
    "get",
    "grad_cam",
    "list_attentions",
    "load_reference_weights",
    "plot_attention",
    "replace_add",
    "stage_ends",
]
__all__ += channel.__all__
__all__ += fusion.__all__
__all__ += hard.__all__
__all__ += mixed.__all__
__all__ += self_attention.__all__
__all__ += spatial.__all__
__version__ = "0.1.0"

# The packages that are imported at the first use of one of their names: they
# take half of the time of `import keras_attention`.
_LATER = {
    "checkpoints": ["export_reference_weights", "load_reference_weights"],
    "models": [],
    "registry": ["get", "list_attentions"],
    "surgery": [
        "attach",
        "block_ends",
        "branch_ends",
        "replace_add",
        "stage_ends",
    ],
    "visualization": [
        "AttentionMonitor",
        "attention_maps",
        "grad_cam",
        "plot_attention",
    ],
}
_PACKAGES = {name: package for package in _LATER for name in _LATER[package]}


# Type checkers would accept any name.
if not TYPE_CHECKING:  # pragma: no branch

    def __getattr__(name: str) -> Any:
        if name in _LATER:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _PACKAGES:
            raise AttributeError(
                f"module {__name__!r} has no attribute {name!r}"
            )
        package = importlib.import_module(f"{__name__}.{_PACKAGES[name]}")
        return globals().setdefault(name, getattr(package, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_PACKAGES})
