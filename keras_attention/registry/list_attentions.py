"""List of all attention layers."""

from keras_attention import _cards
from keras_attention._utils import validation


def list_attentions(kind: str | None = None) -> list[str]:
    """Lists the attention layers of this package by their class names.

    Args:
        kind: What the layers choose: `"channel"`, `"spatial"`, `"mixed"`
            (channels and positions), `"self_attention"` (pairs of positions or
            of channels), `"fusion"` (branches) or `"hard"` (where to look).
            `None` lists the layers of all kinds, one kind after the other.

    Returns:
        List of names, each of which `keras_attention.get` accepts.

    Raises:
        ValueError: If there is no such kind.

    Example:

    >>> "SqueezeExcite" in keras_attention.list_attentions("channel")
    True
    """
    if kind is None:
        return list(_cards.layers())
    validation.one_of("kind", kind, tuple(_cards.FAMILIES))
    return list(_cards.FAMILIES[kind].__all__)
