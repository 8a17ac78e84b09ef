"""Validation of constructor arguments."""

import operator
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

# `U(-1 / sqrt(fan_in), 1 / sqrt(fan_in))`, with which PyTorch starts a linear
# or convolutional layer, and so the published networks that say nothing else.
PYTORCH_UNIFORM = {
    "class_name": "VarianceScaling",
    "config": {"scale": 1 / 3, "mode": "fan_in", "distribution": "uniform"},
}


def divides(name: str, value: int, number: int, what: str) -> None:
    """Raise an error unless an argument divides a number.

    Args:
        name: The name of the argument.
        value: Its value.
        number: The number to divide.
        what: What the number is.
    """
    if number % value:
        raise ValueError(
            f"`{name}` must divide {what} ({number}). Received: {name}={value}"
        )


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


def optional_non_negative_integer(name: str, value: Any) -> int | None:
    """Return `None`, or `value` as an `int`, which must be at least 0."""
    if value is None:
        return None
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if isinstance(value, bool) or number < 0:
        raise _error(name, "an integer of at least 0 or None", value)
    return number


def integer_of_two_or_more(name: str, value: Any) -> int:
    """Return `value` as an `int`, which must be at least 2."""
    try:
        number = positive_integer(name, value)
    except ValueError:
        number = 0
    if number < 2:
        raise _error(name, "an integer of at least 2", value)
    return number


def _is_integer(value: Any) -> bool:
    """Return whether a value is one integer, of Python or NumPy."""
    return isinstance(value, int | np.integer)


def rank(name: str, shape: Sequence, spec: Any) -> None:
    """Raise an error unless a shape has a rank of an `InputSpec`."""
    if spec is None:
        return
    least = spec.ndim or spec.min_ndim or 0
    most = spec.ndim or spec.max_ndim or len(shape)
    if not least <= len(shape) <= most:
        ranks = f"{least}" if least == most else f"from {least} to {most}"
        raise _error(name, f"a shape of rank {ranks}", tuple(shape))


def size(name: str, value: Any) -> tuple[int, int]:
    """Return height and width: a pair, or one number for both."""
    pair = (value, value) if _is_integer(value) else value
    try:
        height, width = pair
        return positive_integer(name, height), positive_integer(name, width)
    except (TypeError, ValueError):
        raise _error(name, "one or two positive integers", value) from None


def odd_size(name: str, value: Any) -> tuple[int, int]:
    """Return height and width, both odd: a pair, or one number for both."""
    try:
        height, width = size(name, value)
    except ValueError:
        height = width = 0
    if not (height % 2 and width % 2):
        raise _error(name, "one or two odd positive integers", value)
    return height, width


def optional_odd_size(name: str, value: Any) -> tuple[int, int] | None:
    """Return `None`, or height and width, both odd."""
    if value is None:
        return None
    try:
        return odd_size(name, value)
    except ValueError:
        raise _error(
            name, "one or two odd positive integers or None", value
        ) from None


def optional_size(name: str, value: Any) -> tuple[int, int] | None:
    """Return `None`, or height and width: a pair, or one number for both."""
    if value is None:
        return None
    try:
        return size(name, value)
    except ValueError:
        raise _error(
            name, "one or two positive integers or None", value
        ) from None


def integers(name: str, value: Any) -> tuple[int, int]:
    """Return a pair of integers: a pair, or one for both."""
    pair = (value, value) if _is_integer(value) else value
    try:
        if any(isinstance(number, bool) for number in pair):
            raise TypeError
        first, second = map(operator.index, pair)
    except (TypeError, ValueError):
        raise _error(name, "one or two integers", value) from None
    return first, second


def padding(name: str, value: Any) -> str | tuple[int, int]:
    """Return "valid" or "same", or the zeros on each side: one or two."""
    if isinstance(value, str) and value in ("valid", "same"):
        return value
    try:
        pair = (value, value) if _is_integer(value) else value
        # One more, as there may be none.
        height, width = size(name, [operator.index(n) + 1 for n in pair])
    except (TypeError, ValueError):
        height = width = 0
    if isinstance(value, bool | str) or not height:
        raise _error(
            name, "'valid', 'same' or one or two integers from 0 on", value
        )
    return height - 1, width - 1


def positive_number(name: str, value: Any) -> float:
    """Return `value` as a `float`, which must be above zero and finite."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if isinstance(value, bool | str) or not 0 < number < float("inf"):
        raise _error(name, "a positive number", value)
    return number


def optional_positive_number(name: str, value: Any) -> float | None:
    """Return `None`, or `value` as a `float` above zero and finite."""
    if value is None:
        return None
    try:
        return positive_number(name, value)
    except ValueError:
        raise _error(name, "a positive number or None", value) from None


def non_negative_number(name: str, value: Any) -> float:
    """Return `value` as a `float`, which must be at least zero and finite."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool | str) or not 0 <= number < float("inf"):
        raise _error(name, "a number of at least 0", value)
    return number


def rate(name: str, value: Any) -> float:
    """Return `value` as a `float`, which must be from 0 to 1."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool | str) or not 0 <= number <= 1:
        raise _error(name, "a number from 0 to 1", value)
    return number


def seed(name: str, value: Any) -> int | None:
    """Return `None`, or `value` as an `int`, which must fit 32 bits."""
    if value is None:
        return None
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if isinstance(value, bool) or not 0 <= number < 2**32:
        raise _error(name, "an integer from 0 to 2**32 - 1, or None", value)
    return number


def boolean(name: str, value: Any) -> bool:
    """Return `value`, which must be `True` or `False`."""
    if not isinstance(value, bool):
        raise _error(name, "True or False", value)
    return value


def integer_of(name: str, value: Any, choices: Iterable[int]) -> int:
    """Return `value` as an `int`, which must be among `choices`."""
    choices = list(choices)
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if isinstance(value, bool) or number not in choices:
        raise _error(name, _alternatives(choices), value)
    return number


def one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    """Return `value`, which must be among `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise _error(name, _alternatives(choices), value)
    return value


def _alternatives(choices: Sequence) -> str:
    *others, last = map(repr, choices)
    return f"{', '.join(others)} or {last}" if others else last


def layer(name: str, value: Any) -> keras.layers.Layer:
    """Return `value`, which must be a layer or a model."""
    if not isinstance(value, keras.layers.Layer):
        raise _error(name, "a Keras layer or model", value)
    return value


def reason(error: Exception) -> str:
    """Return the class of an error and the line that says what is wrong.

    That is the first, but for what Keras writes around an error.
    """
    plain = re.sub(r"\x1b\[\d*m", "", str(error))  # Keras writes in bold
    _, _, inner = plain.rpartition("Exception encountered: ")
    lines = [
        line.strip()
        for line in inner.splitlines()
        if line.strip()
        and not line.startswith("Exception encountered when calling")
    ]
    said = f": {lines[0].rstrip('.')}" if lines else ""
    return f"{type(error).__name__}{said}"


def described(arrays: Any) -> str:
    """Describe arrays by their shapes, for error messages."""

    def one(value):
        shape = getattr(value, "shape", None)
        if shape is None or isinstance(value, keras.KerasTensor):
            return value
        return f"array of shape {tuple(shape)}"

    found = keras.tree.map_structure(one, arrays)
    return found if str(found).startswith("array of") else repr(found)


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


def units(channels: int, reduction: int, hidden_units: int | None) -> int:
    """Return the number of hidden units of a bottleneck of channels."""
    return hidden_units or max(1, channels // reduction)
