"""Operations of functional models, made from functions of tensors."""

import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any
from typing import TypeVar

import keras
import numpy as np
from keras import KerasTensor
from keras import ops

from keras_attention._utils import data_formats

F = TypeVar("F", bound=Callable)


class FunctionOperation(keras.Operation):
    """A node of a functional model that calls a function.

    Tensors are the call arguments; all other arguments are in the config.
    """

    function: Callable
    output_spec: Callable

    def __init__(self, *, name: str | None = None, **settings: Any) -> None:
        super().__init__(name=name)
        # JSON converts tuples to lists.
        self.settings = {key: _plain(value) for key, value in settings.items()}

    def call(self, *tensors, **optional):
        return self.function(*tensors, **optional, **self.settings)

    def compute_output_spec(self, *tensors, **optional):
        shape, dtype = self.output_spec(
            *map(_with_shape, tensors),
            **{key: _with_shape(value) for key, value in optional.items()},
            **self.settings,
        )
        if dtype == "float64":
            # JAX has no float64 unless it is enabled.
            dtype = ops.convert_to_tensor(np.zeros((), dtype)).dtype
        return KerasTensor(shape, dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings}


def takes_symbolic(output_spec: Callable, *tensors: str) -> Callable[[F], F]:
    """Return a decorator that makes a function accept symbolic tensors.

    `tensors` are the names of the arguments that may be symbolic.
    `output_spec` takes the arguments of the function, except omitted ones with
    the default `None`. Its tensors have a dtype and a shape, whose sizes may be
    `None`. It returns the shape and dtype of the output, or raises the same
    errors as the function.
    """

    def decorate(function):
        signature = inspect.signature(function)
        operation_class = keras.saving.register_keras_serializable(
            package="keras_attention"
        )(
            type(
                "".join(map(str.capitalize, function.__name__.split("_"))),
                (FunctionOperation,),
                {
                    "__doc__": f"`{function.__name__}` in a functional model.",
                    "__module__": function.__module__,
                    "function": staticmethod(function),
                    "output_spec": staticmethod(output_spec),
                },
            )
        )

        def symbolic_call(*args, **kwargs):
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            settings = dict(bound.arguments)
            if "data_format" in settings:
                # A saved model keeps its data format if the default changes.
                settings["data_format"] = data_formats.resolve_data_format(
                    settings["data_format"]
                )
            given = {name: settings.pop(name) for name in tensors}
            optional = {
                name: given.pop(name)
                for name in tensors
                if signature.parameters[name].default is None
            }
            optional = {k: v for k, v in optional.items() if v is not None}
            # Not `__call__`, which would wrap the message of an error.
            return operation_class(**settings).symbolic_call(
                *given.values(), **optional
            )

        @functools.wraps(function)
        def call(*args, **kwargs):
            for value in args:
                if _is_symbolic(value):
                    return symbolic_call(*args, **kwargs)
            for value in kwargs.values():
                if _is_symbolic(value):
                    return symbolic_call(*args, **kwargs)
            return function(*args, **kwargs)

        return call

    return decorate


def _is_symbolic(value):
    """Return whether a value is a symbolic tensor, or a list with one."""
    if isinstance(value, list | tuple):
        return any(isinstance(item, KerasTensor) for item in value)
    return isinstance(value, KerasTensor)


def _with_shape(tensor):
    is_list = isinstance(tensor, list | tuple)
    if is_list and any(hasattr(item, "shape") for item in tensor):
        return [_with_shape(item) for item in tensor]
    if isinstance(tensor, KerasTensor):
        return tensor
    return ops.convert_to_tensor(tensor)


def _plain(value):
    """Convert a setting to Python scalars, strings and tuples."""
    if value is None or isinstance(value, bool | float | str | KerasTensor):
        return value
    try:
        return operator.index(value)
    except TypeError:
        pass
    try:
        return tuple(map(_plain, value))
    except TypeError:
        return value
