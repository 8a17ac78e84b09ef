"""Copies of the attributes that a model has beside its graph."""

from __future__ import annotations

import collections
import copy
import dis
import enum
import functools
import inspect
import itertools
import threading
import types
from typing import Any

import keras
import numpy as np
from keras import ops

PLAIN = (bool, int, float, complex, str, bytes, np.ndarray, np.generic)
# Types of values that two models may share, because neither changes them.
SHARED = (
    *PLAIN,
    type(None),
    type,
    types.ModuleType,
    enum.Enum,
    np.ufunc,
    keras.losses.Loss,
)
DICT_TYPES = (
    collections.OrderedDict,
    collections.defaultdict,
    collections.Counter,
)
SET_TYPES = (set, frozenset, collections.deque)
TRACKED_TYPES = (keras.metrics.Metric, keras.optimizers.Optimizer)
# Methods that hooks replace while another thread computes attention maps.
HOOKED_METHODS = {"call", "rematerialized_call"}
LOCK_TYPES = (type(threading.Lock()), type(threading.RLock()), threading.local)


class CloneError(Exception):
    """Raised with the reason why a model of some class cannot be copied."""


def attributes(model: keras.Model) -> set[str]:
    """Return the names of the attributes of a model that Keras does not set."""
    own = vars(model)
    names = set(own)
    for registry in ("_modules", "_parameters", "_buffers"):  # of PyTorch
        names |= set(own.get(registry, ()))
    return names - _set_by_keras(type(model).__mro__)


@functools.cache
def _set_by_keras(bases: tuple[type, ...]) -> frozenset[str]:
    """Return the names of attributes that Keras and its backends set."""
    first = next(i for i, base in enumerate(bases) if is_of_keras(base))
    names = {"history"}  # A callback sets it.
    for base in bases[first:]:
        for value in vars(base).values():
            for function in _functions(value):
                names |= _assigned_attributes(function.__code__)
    # `rematerialized_call` sets it, but only on layers that have one.
    return frozenset(names - {"activation"})


def is_of_keras(base: type) -> bool:
    """Return whether a class is defined by Keras."""
    return base.__module__.partition(".")[0] == "keras"


def _functions(value: Any) -> list[types.FunctionType]:
    """Return the functions behind a method, property or other member."""
    if isinstance(value, property):
        found = [value.fget, value.fset, value.fdel]
    else:
        found = [getattr(value, "__func__", value)]
    found = [inspect.unwrap(f) for f in found if callable(f)]
    return [f for f in found if isinstance(f, types.FunctionType)]


def _assigned_attributes(code: types.CodeType) -> set[str]:
    """Return the attributes of `self` that the code of a function sets."""
    instructions = list(dis.get_instructions(code))
    names = {
        instruction.argval
        for before, instruction in itertools.pairwise(instructions)
        if instruction.opname == "STORE_ATTR"
        and "self" in (before.argval, *_as_tuple(before.argval)[-1:])
    }
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return names.union(*map(_assigned_attributes, inner))


def _as_tuple(argument: Any) -> tuple:
    """Return the names that an instruction loads, if there are several."""
    return argument if isinstance(argument, tuple) else ()


class StateCopier:
    """Copies the attributes of a model to a copy of the model.

    Args:
        copies: For the `id` of each object that has been copied, the copy.

    Attributes:
        layers: Pairs of a layer and its copy, which has no weights copied yet.
        variables: Pairs of a variable and its copy, whose value is not copied
            yet.
    """

    def __init__(self, copies: dict[int, Any]) -> None:
        self.layers: list[tuple] = []
        self.variables: list[tuple] = []
        self._copies = dict(copies)

    def copy_attributes(
        self, model: keras.Model, new: keras.Model, bare: keras.Model
    ) -> None:
        """Copy the attributes of a model to a model of the same class.

        Args:
            model: The model whose attributes are copied.
            new: The model that receives the copies.
            bare: A plain Keras model with the same graph. Attributes that it
                has are not copied.
        """
        self._copies[id(model)] = new
        names = attributes(model) - attributes(bare)
        for name in sorted(names - HOOKED_METHODS):
            made = getattr(new, name, None)
            try:
                value = self.copy_value(name, getattr(model, name), made)
            except RecursionError as error:
                raise CloneError(
                    f"its attribute `{name}` contains itself"
                ) from error
            if value is not made:
                setattr(new, name, value)

    def copy_value(self, name: str, old: Any, made: Any) -> Any:
        """Return the copy of a value, for the new model.

        Args:
            name: Name of the attribute that has or contains the value.
            old: The value in the model.
            made: The value that the constructor of the new model has set, or
                `None`.

        Raises:
            CloneError: If two models cannot share the value and it cannot be
                copied.
        """
        if id(old) in self._copies:
            return self._copies[id(old)]
        if old is made or _is_equal(old, made):
            return made
        if isinstance(old, SHARED):
            return old
        if isinstance(old, list | tuple | dict):
            return self._container(name, old, made)
        if isinstance(old, SET_TYPES):
            return self._set(name, old)
        if _is_function(old):
            return self._function(name, old, made)
        if isinstance(old, keras.callbacks.Callback) and made is None:
            return made  # A callback belongs to one call of `fit`.
        if _is_array(old):
            return self._deep(name, old)
        if isinstance(old, TRACKED_TYPES) and made is None:
            made = type(old).from_config(old.get_config())
        if not hasattr(old, "__dict__") and not isinstance(old, LOCK_TYPES):
            return self._deep(name, old)
        if type(made) is not type(old):
            raise CloneError(
                f"its attribute `{name}` is not in its graph and cannot be "
                "copied"
            )
        self._copies[id(old)] = made
        self._copy_object_state(name, old, made)
        return made

    def _container(self, name, old, made):
        """Return the copy of a list, tuple or dictionary."""
        keys = list(old) if isinstance(old, dict) else range(len(old))
        is_similar = type(made) is type(old) and len(made) == len(old)
        if is_similar and isinstance(old, dict):
            is_similar = list(made) == keys
        values = [
            self.copy_value(name, old[key], made[key] if is_similar else None)
            for key in keys
        ]
        if is_similar and all(
            v is made[k] for k, v in zip(keys, values, strict=True)
        ):
            return made
        if isinstance(old, dict):
            entries = dict(zip(keys, values, strict=True))
            if isinstance(old, DICT_TYPES):
                same_type = copy.copy(old)
                same_type.update(entries)
                return same_type
            return entries
        if isinstance(old, list):
            return values
        return old._make(values) if hasattr(old, "_make") else tuple(values)

    def _set(self, name, old):
        values = [self.copy_value(name, item, None) for item in old]
        if isinstance(old, collections.deque):
            return collections.deque(values, old.maxlen)
        return type(old)(values)

    def _function(self, name, old, made):
        """Return a function, bound to the copy if it is bound to the model."""
        if isinstance(old, types.BuiltinFunctionType):
            return old
        if isinstance(old, types.MethodType):
            owner = getattr(made, "__self__", None)
            owner = self.copy_value(name, old.__self__, owner)
            method = types.MethodType(old.__func__, owner)
            return made if method == made else method
        if isinstance(old, functools.partial):
            made_fields = _partial_fields(made)
            fields = self._container(name, _partial_fields(old), made_fields)
            if fields is made_fields:
                return made
            return functools.partial(fields[0], *fields[1], **fields[2])
        captured, made_captured = _captured_values(old), _captured_values(made)
        same = getattr(made, "__code__", None) == old.__code__
        if same and len(captured) == len(made_captured):
            pairs = zip(captured, made_captured, strict=True)
            if all(
                self._copies.get(id(a), a) is b or _is_equal(a, b)
                for a, b in pairs
            ):
                return made
        if any(id(value) in self._copies for value in captured):
            raise CloneError(
                f"its attribute `{name}` is a function that uses its graph"
            )
        return old

    def _deep(self, name, old):
        """Return a deep copy of an object without a `__dict__`."""
        try:
            # Objects that have been copied are replaced by their copies.
            return copy.deepcopy(old, dict(self._copies))
        except Exception as error:  # The class is the user's.
            # PyTorch refuses a deep copy of a tensor with a gradient.
            if _is_array(old):
                return ops.copy(ops.stop_gradient(old))
            raise CloneError(
                f"its attribute `{name}` cannot be copied"
            ) from error

    def _copy_object_state(self, name, old, made):
        """Copy the state of an object to an object of the same class."""
        if isinstance(old, keras.layers.Layer):
            self.layers.append((old, made))
        elif isinstance(old, keras.Variable):
            self.variables.append((old, made))
        elif isinstance(old, TRACKED_TYPES):
            if len(old.variables) == len(made.variables):
                self.variables += zip(
                    old.variables, made.variables, strict=True
                )
        elif isinstance(old, (*LOCK_TYPES, keras.KerasTensor, keras.Operation)):
            pass
        else:
            for key, value in list(vars(old).items()):
                made_value = vars(made).get(key)
                copied = self.copy_value(f"{name}.{key}", value, made_value)
                if copied is not made_value:
                    vars(made)[key] = copied


def _is_array(value: Any) -> bool:
    """Return whether a value is an array of the backend."""
    # On TensorFlow `is_tensor` is true of variables, too.
    return ops.is_tensor(value) and not isinstance(value, keras.Variable)


def _is_function(value: Any) -> bool:
    return isinstance(
        value,
        types.FunctionType
        | types.MethodType
        | types.BuiltinFunctionType
        | functools.partial,
    )


def _is_equal(value: Any, other: Any) -> bool:
    """Return whether two values of a plain type or two arrays are equal."""
    if type(value) is not type(other):
        return False
    if isinstance(value, np.ndarray) or _is_array(value):
        return np.array_equal(
            ops.convert_to_numpy(value), ops.convert_to_numpy(other)
        )
    return isinstance(value, (*PLAIN, *SET_TYPES)) and bool(value == other)


def _partial_fields(value: Any) -> tuple:
    """Return function, arguments and keywords of a `functools.partial`."""
    if not isinstance(value, functools.partial):
        return ()
    return value.func, value.args, value.keywords


def _captured_values(function: Any) -> list:
    """Return the values in the closure and the defaults of a function."""
    if not isinstance(function, types.FunctionType):
        return []
    values = [
        cell.cell_contents
        for cell in function.__closure__ or ()
        if cell != types.CellType()
    ]
    values += function.__defaults__ or ()
    return values + list((function.__kwdefaults__ or {}).values())
