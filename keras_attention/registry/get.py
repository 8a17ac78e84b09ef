"""Layers by name."""

import difflib
import inspect
from typing import Any

import keras

from keras_attention import _cards


def get(
    name: str | dict | keras.layers.Layer | None, /, **arguments: Any
) -> keras.layers.Layer | None:
    """Makes an attention layer from its name, as `keras.activations.get` does.

    Args:
        name: The name of the class (`"SqueezeExcite"`), the same in snake case
            (`"squeeze_excite"`), or a short name of papers and other libraries
            (`"se"`, `"eca"`, `"cbam"`), in upper or lower case. A layer is
            returned unchanged, and so is `None`. A dictionary is a layer that
            `keras.saving.serialize_keras_object` serialized. It must be given
            by position, as layers have an argument `name` of their own.
        **arguments: Arguments of the layer, if `name` is a name. They take
            precedence over those that a short name stands for: `"ceca"` is
            `"eca"` with `circular=True`.

    Returns:
        New layer, or `name` if that is a layer or `None`.

    Raises:
        ValueError: If no layer has this name, with the most similar names; if
            there are arguments, but no name; if the layer does not accept the
            arguments; or if one is missing that the layer requires, as `"sk"`
            requires `filters`.

    Example:

    >>> layer = keras_attention.get("se", reduction=8)
    >>> type(layer).__name__, layer.reduction
    ('SqueezeExcite', 8)
    >>> keras_attention.get(layer) is layer
    True

    Note:
        Names are those of `timm.layers.create_attn` where this package has the
        same layer. Default arguments are those of the classes of this package.
    """
    if isinstance(name, str):
        cls, defaults = _named(name)
        arguments = {**defaults, **arguments}
        if missing := _required(cls) - arguments.keys():
            raise ValueError(
                f"`arguments` must have {', '.join(sorted(missing))}, which "
                f"{cls.__name__} requires. "
                f"Received: name={name!r}, arguments={arguments!r}"
            )
        return _made(cls, name, arguments)
    if isinstance(name, dict):
        name = _deserialized(name)
    if name is not None and not isinstance(name, keras.layers.Layer):
        raise ValueError(
            "`name` must be the name of an attention layer, a layer, a "
            f"serialized layer or `None`. Received: name={name!r}"
        )
    if arguments:
        raise ValueError(
            "`arguments` must be arguments of a layer that is given by its "
            "name. A layer has its arguments already. "
            f"Received: name={name!r}, arguments={arguments!r}"
        )
    return name


def _made(cls: Any, name: str, arguments: dict[str, Any]) -> Any:
    """Return a new layer, or raise an error that lists its arguments."""
    try:
        return cls(**arguments)
    except (TypeError, ValueError) as error:
        known = inspect.signature(cls).parameters.keys() - {"kwargs"}
        unknown = sorted(arguments.keys() - known)
        # Of `keras.layers.Layer`, too.
        if not unknown or "nrecognized keyword" not in str(error):
            raise
        raise ValueError(
            f"`arguments` must be those of {cls.__name__} "
            f"({', '.join(sorted(known))}) or of `keras.layers.Layer`. "
            f"Received: name={name!r}, arguments={arguments!r}"
        ) from error


def _deserialized(config: dict) -> Any:
    """Return the layer that a dictionary describes, or raise an error."""
    try:
        return keras.saving.deserialize_keras_object(config)
    except (KeyError, TypeError) as error:
        raise ValueError(
            "A dictionary must be a layer that "
            "`keras.saving.serialize_keras_object` serialized. "
            f"Received: name={config!r}"
        ) from error


def _required(cls: Any) -> set[str]:
    """Return the names of the arguments without a default value."""
    parameters = inspect.signature(cls).parameters.values()
    return {
        p.name
        for p in parameters
        if p.default is p.empty and p.kind is not p.VAR_KEYWORD
    }


def _named(name: str) -> tuple[Any, dict[str, Any]]:
    """Return the class of a name, and the arguments that it stands for."""
    forms: dict[str, tuple[Any, dict[str, Any]]] = {}
    for class_name, cls in _cards.layers().items():
        snake_case = cls.__module__.rpartition(".")[2]
        for form in (class_name, snake_case, *cls.card.short_names):
            forms[form] = cls, {}
        for form, arguments in cls.card.short_forms.items():
            forms[form] = cls, dict(arguments)
    by_lower_case = {form.lower(): form for form in forms}
    if name.lower() in by_lower_case:
        return forms[by_lower_case[name.lower()]]
    similar = difflib.get_close_matches(name.lower(), by_lower_case, cutoff=0.5)
    hint = ", ".join(repr(by_lower_case[form]) for form in similar)
    raise ValueError(
        "`name` must be the name of an attention layer"
        + (f" (did you mean {hint}?)" if hint else "")
        + ": `keras_attention.list_attentions()` lists them. "
        f"Received: name={name!r}"
    )
