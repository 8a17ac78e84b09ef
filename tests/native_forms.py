"""The native forms of the active backend, and the definitions of all forms."""

import importlib
import inspect
import pkgutil

from keras_attention import _backend
from keras_attention import ops


def _functions(module):
    """Return the public functions that a module defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if callable(value)
        and getattr(value, "__module__", None) == module.__name__
        and not name.startswith("_")
    }


FUNCTIONS = {}
for info in pkgutil.iter_modules(ops.__path__):
    module = importlib.import_module(f"{ops.__name__}.{info.name}")
    FUNCTIONS.update(_functions(module))

NAMES = sorted(
    name
    for file in _backend._FILES
    for name, value in _functions(file).items()
    if inspect.isfunction(value)
)


def definition(name):
    """Return the definition of a function in `keras.ops`."""
    return inspect.unwrap(FUNCTIONS[name])
