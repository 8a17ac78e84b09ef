"""Calls of a model with a hook, with errors for inputs that do not fit."""

from typing import Any

import keras

from keras_attention._utils import validation
from keras_attention.visualization import _hooks


def call_with_hook(
    model: keras.layers.Layer, inputs: Any, hook: _hooks.Hook
) -> Any:
    """Build a model and call it as `_hooks.call_with_hook` does.

    Raises:
        ValueError: If the model raises before any layer in it is called, as
            Keras does for inputs of another shape or structure.
    """
    begun = False

    def noting_hook(call):
        nonlocal begun
        begun = begun or not isinstance(call.layer, keras.Model)
        return hook(call)

    def checked_call(model, x):
        try:
            return _hooks.call_in_inference_mode(model, x)
        except Exception as error:  # Keras or the user's model raises it.
            if begun:
                raise
            raise ValueError(
                "`inputs` must be inputs that `model` accepts, "
                f"{_cause(model, error)}. "
                f"Received: inputs={validation.described(inputs)}"
            ) from error

    _hooks.build(model, inputs, checked_call)
    return _hooks.call_with_hook(model, inputs, noting_hook, checked_call)


def _cause(model, error):
    """Return the shapes that a model accepts, or the error if it has none."""
    try:
        shapes = keras.tree.map_structure(lambda x: x.shape, model.input)
    except (AttributeError, ValueError):
        return f"which raised {validation.reason(error)}"
    return f"of shape {shapes}"
