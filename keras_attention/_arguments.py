"""Constructor arguments: what must hold, told before anything is built."""

import operator
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

# `U(-1 / sqrt(fan_in), 1 / sqrt(fan_in))`, with which PyTorch starts a linear
# or convolutional layer, and so the published networks that say nothing else.
PYTORCH_UNIFORM = {
    "class_name": "VarianceScaling",
    "config": {"scale": 1 / 3, "mode": "fan_in", "distribution": "uniform"},
}


def positive_integer(name: str, value: Any) -> int:
    """Return `value` as an `int`, which must be at least 1."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if isinstance(value, bool) or number < 1:
        raise _error(name, "a positive integer", value)
    return number


def optional_positive_integer(name: str, value: Any) -> int | None:
    """Return `None`, or `value` as an `int`, which must be at least 1."""
    if value is None:
        return None
    try:
        return positive_integer(name, value)
    except ValueError:
        raise _error(name, "a positive integer or None", value) from None


def optional_integer(name: str, value: Any) -> int | None:
    """Return `None`, or `value` as an `int`."""
    if value is None:
        return None
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise _error(name, "an integer or None", value) from None


def positive_number(name: str, value: Any) -> float:
    """Return `value` as a `float`, which must be above zero and finite."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if isinstance(value, bool | str) or not 0 < number < float("inf"):
        raise _error(name, "a positive number", value)
    return number


def boolean(name: str, value: Any) -> bool:
    """Return `value`, which must be `True` or `False`."""
    if not isinstance(value, bool):
        raise _error(name, "True or False", value)
    return value


def one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    """Return `value`, which must be among `choices`."""
    if not isinstance(value, str) or value not in choices:
        names = " or ".join(map(repr, choices))
        raise _error(name, names, value)
    return value


def activation(name: str, value: Any) -> Callable:
    """Return the activation function that `value` names or is."""
    return _keras_object(name, value, keras.activations.get, "activation")


def initializer(name: str, value: Any) -> keras.initializers.Initializer:
    """Return the initializer that `value` names, describes or is."""
    if value is None:
        raise _error(name, "a Keras initializer", value)
    return _keras_object(name, value, keras.initializers.get, "initializer")


def regularizer(name: str, value: Any) -> keras.regularizers.Regularizer | None:
    """Return the regularizer that `value` names, describes or is, or `None`."""
    return _keras_object(name, value, keras.regularizers.get, "regularizer")


def _keras_object(name: str, value: Any, get: Callable, kind: str) -> Any:
    try:
        return get(value)
    except (ValueError, TypeError) as error:
        raise _error(name, f"a Keras {kind}", value) from error


def _error(name: str, expected: str, value: Any) -> ValueError:
    return ValueError(
        f"`{name}` must be {expected}. Received: {name}={value!r}"
    )
