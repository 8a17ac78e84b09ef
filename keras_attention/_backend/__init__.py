"""Native forms: what a backend computes faster than `keras.ops` does.

A function is defined once, in `keras_attention.ops`, by operations of Keras. If
the file of the active backend (`torch.py`, or another whose name begins with
`torch_`) has a function of the same name, this one is called in its place. Its
first argument is the definition, which it calls where it does not apply.

The files whose names begin with `pytorch_` are no native forms: what files of
PyTorch and its derivatives need, on any backend.

This is the one folder that may import a backend, and only the files of the
active backend are imported.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from typing import ParamSpec
from typing import TypeVar

import keras

Arguments = ParamSpec("Arguments")
Outputs = TypeVar("Outputs")

_FILES = [
    importlib.import_module(f"{__name__}.{info.name}")
    for info in pkgutil.iter_modules(__path__)
    if info.name.partition("_")[0] == keras.config.backend()
]


def native(
    definition: Callable[Arguments, Outputs],
) -> Callable[Arguments, Outputs]:
    """Replaces a function by the active backend's form of it, if there is one.

    Args:
        definition: A function in operations of Keras. It remains available as
            the attribute `__wrapped__` of what replaces it.
    """
    for file in _FILES:
        form = vars(file).get(definition.__name__)
        if form is not None:
            call = functools.partial(form, definition)
            return functools.update_wrapper(call, definition)
    return definition
