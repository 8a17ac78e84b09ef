"""The keyword arguments of every layer, for type checkers and editors."""

from typing import Any
from typing import TypedDict

from keras_attention._utils.types import Regularizer


class LayerOptions(TypedDict, total=False):
    """The keyword arguments of `keras.layers.Layer`.

    Constructors have `**kwargs: Unpack[LayerOptions]`, so that a type checker
    reports arguments that do not exist.
    """

    name: str | None
    dtype: Any
    trainable: bool
    autocast: bool
    activity_regularizer: Regularizer
