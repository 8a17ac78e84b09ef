"""What a model holds beside its graph, given to a copy of it."""

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
# What two models may hold, as neither changes it.
SHARED = (
    *PLAIN,
    type(None),
    type,
    types.ModuleType,
    enum.Enum,
    np.ufunc,
    keras.losses.Loss,
)
KINDS_OF_DICT = (
    collections.OrderedDict,
    collections.defaultdict,
    collections.Counter,
)
SETS = (set, frozenset, collections.deque)
MEASURES = (keras.metrics.Metric, keras.optimizers.Optimizer)
# What stands in for methods while another thread watches them.
WATCHED = {"call", "rematerialized_call"}
LOCKS = (type(threading.Lock()), type(threading.RLock()), threading.local)


class Lost(Exception):
    """Says why a class cannot be made again around a new graph."""


def attributes(model: keras.Model) -> set[str]:
    """Return the names of what was set on a model, not by Keras itself."""
    own = vars(model)
    names = set(own)
    for kind in ("_modules", "_parameters", "_buffers"):  # as PyTorch has them
        names |= set(own.get(kind, ()))
    return names - _set_by_keras(type(model).__mro__)


@functools.cache
def _set_by_keras(bases: tuple[type, ...]) -> frozenset[str]:
    """Return the attributes that methods of Keras and backends may set."""
    first = next(i for i, base in enumerate(bases) if is_of_keras(base))
    names = {"history"}  # by a callback
    for part in bases[first:]:
        for value in vars(part).values():
            for function in _functions(value):
                names |= _stored(function.__code__)
    # `rematerialized_call` sets it, of layers that have one.
    return frozenset(names - {"activation"})


def is_of_keras(base: type) -> bool:
    """Return whether a class is defined by Keras."""
    return base.__module__.partition(".")[0] == "keras"


def _functions(value: Any) -> list[types.FunctionType]:
    """Return the functions that a member of a class consists of."""
    if isinstance(value, property):
        found = [value.fget, value.fset, value.fdel]
    else:
        found = [getattr(value, "__func__", value)]
    found = [inspect.unwrap(f) for f in found if callable(f)]
    return [f for f in found if isinstance(f, types.FunctionType)]


def _stored(code: types.CodeType) -> set[str]:
    """Return the names of the attributes of `self` that a function sets."""
    steps = list(dis.get_instructions(code))
    names = {
        step.argval
        for before, step in itertools.pairwise(steps)
        if step.opname == "STORE_ATTR"
        and "self" in (before.argval, *_several(before.argval)[-1:])
    }
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return names.union(*map(_stored, inner))


def _several(loaded: Any) -> tuple:
    """Return what an instruction loads, if it loads more than one."""
    return loaded if isinstance(loaded, tuple) else ()


class State:
    """Finds what a copy holds in the place of what a model holds.

    Args:
        copies: What has been copied, by the `id` of what it is a copy of.

    Attributes:
        layers: Pairs of layers, of which the second lacks the state of the
            first.
        variables: Pairs of variables, likewise.
    """

    def __init__(self, copies: dict[int, Any]) -> None:
        self.layers: list[tuple] = []
        self.variables: list[tuple] = []
        self._copies = dict(copies)

    def carry(
        self, model: keras.Model, new: keras.Model, bare: keras.Model
    ) -> None:
        """Give a model what was set on another of the same class.

        Args:
            model: The other one.
            new: The one to give it to.
            bare: What Keras makes of the same graph, without the class.
        """
        self._copies[id(model)] = new
        names = attributes(model) - attributes(bare)
        for name in sorted(names - WATCHED):
            made = getattr(new, name, None)
            try:
                value = self.value(name, getattr(model, name), made)
            except RecursionError as error:
                raise Lost(f"it holds `{name}`, which holds itself") from error
            if value is not made:
                setattr(new, name, value)

    def value(self, name: str, old: Any, made: Any) -> Any:
        """Return what a copy holds in the place of `old`.

        Args:
            name: The attribute that it is, or is in.
            old: What the model holds.
            made: What the constructor of the copy has put there, or `None`.

        Raises:
            Lost: If two models cannot hold the same, and it is not known how
                to make another.
        """
        if id(old) in self._copies:
            return self._copies[id(old)]
        if old is made or _is_equal(old, made):
            return made
        if isinstance(old, SHARED):
            return old
        if isinstance(old, list | tuple | dict):
            return self._each(name, old, made)
        if isinstance(old, SETS):
            return self._set(name, old)
        if _is_function(old):
            return self._function(name, old, made)
        if isinstance(old, keras.callbacks.Callback) and made is None:
            return made  # it goes with a call of `fit`
        if _is_array(old):
            return self._deep(name, old)
        if isinstance(old, MEASURES) and made is None:
            made = type(old).from_config(old.get_config())
        if not hasattr(old, "__dict__") and not isinstance(old, LOCKS):
            return self._deep(name, old)
        if type(made) is not type(old):
            raise Lost(f"it holds `{name}`, which is not in its graph")
        self._copies[id(old)] = made
        self._fill(name, old, made)
        return made

    def _each(self, name, old, made):
        """Return what a copy holds in the place of several things."""
        keys = list(old) if isinstance(old, dict) else range(len(old))
        is_like = type(made) is type(old) and len(made) == len(old)
        if is_like and isinstance(old, dict):
            is_like = list(made) == keys
        values = [
            self.value(name, old[key], made[key] if is_like else None)
            for key in keys
        ]
        if is_like and all(
            v is made[k] for k, v in zip(keys, values, strict=True)
        ):
            return made
        if isinstance(old, dict):
            entries = dict(zip(keys, values, strict=True))
            if isinstance(old, KINDS_OF_DICT):
                like = copy.copy(old)
                like.update(entries)
                return like
            return entries
        if isinstance(old, list):
            return values
        return old._make(values) if hasattr(old, "_make") else tuple(values)

    def _set(self, name, old):
        values = [self.value(name, each, None) for each in old]
        if isinstance(old, collections.deque):
            return collections.deque(values, old.maxlen)
        return type(old)(values)

    def _function(self, name, old, made):
        """Return a function, of the copy where it is one of the model."""
        if isinstance(old, types.BuiltinFunctionType):
            return old
        if isinstance(old, types.MethodType):
            owner = getattr(made, "__self__", None)
            owner = self.value(name, old.__self__, owner)
            method = types.MethodType(old.__func__, owner)
            return made if method == made else method
        if isinstance(old, functools.partial):
            there = _parts(made)
            parts = self._each(name, _parts(old), there)
            if parts is there:
                return made
            return functools.partial(parts[0], *parts[1], **parts[2])
        held, own = _held(old), _held(made)
        same = getattr(made, "__code__", None) == old.__code__
        if same and len(held) == len(own):
            pairs = zip(held, own, strict=True)
            if all(
                self._copies.get(id(a), a) is b or _is_equal(a, b)
                for a, b in pairs
            ):
                return made
        if any(id(value) in self._copies for value in held):
            raise Lost(f"it holds `{name}`, a function of what is in its graph")
        return old

    def _deep(self, name, old):
        """Return a copy of an object whose state has no names."""
        try:
            # Of what has been copied it takes the copies.
            return copy.deepcopy(old, dict(self._copies))
        except Exception as error:  # of whoever wrote the class
            if _is_array(old):  # PyTorch's, of what has gradients
                return ops.copy(ops.stop_gradient(old))
            raise Lost(f"it holds `{name}`, which cannot be copied") from error

    def _fill(self, name, old, made):
        """Give an object the state of another of the same class."""
        if isinstance(old, keras.layers.Layer):
            self.layers.append((old, made))
        elif isinstance(old, keras.Variable):
            self.variables.append((old, made))
        elif isinstance(old, MEASURES):
            if len(old.variables) == len(made.variables):
                self.variables += zip(
                    old.variables, made.variables, strict=True
                )
        elif isinstance(old, (*LOCKS, keras.KerasTensor, keras.Operation)):
            pass
        else:
            for key, value in list(vars(old).items()):
                there = vars(made).get(key)
                carried = self.value(f"{name}.{key}", value, there)
                if carried is not there:
                    vars(made)[key] = carried


def _is_array(value: Any) -> bool:
    """Return whether a value is an array of the backend."""
    # TensorFlow says it of variables, too.
    return ops.is_tensor(value) and not isinstance(value, keras.Variable)


def _is_function(value: Any) -> bool:
    kinds = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)
    return isinstance(value, (*kinds, functools.partial))


def _is_equal(value: Any, other: Any) -> bool:
    """Return whether two values are equal, of a class where that says all."""
    if type(value) is not type(other):
        return False
    if isinstance(value, np.ndarray) or _is_array(value):
        return np.array_equal(
            ops.convert_to_numpy(value), ops.convert_to_numpy(other)
        )
    return isinstance(value, (*PLAIN, *SETS)) and bool(value == other)


def _parts(value: Any) -> tuple:
    if not isinstance(value, functools.partial):
        return ()
    return value.func, value.args, value.keywords


def _held(function: Any) -> list:
    """Return what a function has from where it was made."""
    if not isinstance(function, types.FunctionType):
        return []
    values = [
        cell.cell_contents
        for cell in function.__closure__ or ()
        if cell != types.CellType()
    ]
    values += function.__defaults__ or ()
    return values + list((function.__kwdefaults__ or {}).values())
