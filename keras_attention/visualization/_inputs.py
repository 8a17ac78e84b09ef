"""Calls of a model with inputs that it may refuse."""

from typing import Any

import keras

from keras_attention._utils import validation
from keras_attention.visualization import _watch


def run(model: keras.layers.Layer, inputs: Any, see: _watch.See) -> Any:
    """Build a model and call it as `_watch.run` does.

    Raises:
        ValueError: If the model raises before any layer in it is called, as
            Keras does for inputs of another shape or structure.
    """
    begun = False

    def noted(call):
        nonlocal begun
        begun = begun or not isinstance(call.layer, keras.Model)
        return see(call)

    def called(model, x):
        try:
            return _watch.call_on(model, x)
        except Exception as error:  # of Keras, or of whoever wrote the model
            if begun:
                raise
            raise ValueError(
                f"`inputs` must be what `model` accepts, {_cause(model, error)}"
                f". Received: inputs={validation.described(inputs)}"
            ) from error

    _watch.build(model, inputs, called)
    return _watch.run(model, inputs, noted, called)


def _cause(model, error):
    """Return of what shape inputs are, if the model knows, or the error."""
    try:
        shapes = keras.tree.map_structure(lambda x: x.shape, model.input)
    except (AttributeError, ValueError):
        return f"which raised {validation.reason(error)}"
    return f"of shape {shapes}"
