"""Attention weights of the layers in a model."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import keras
import numpy as np

from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.hard import RecurrentAttention
from keras_attention.mixed import IdentityStart
from keras_attention.visualization import _hooks
from keras_attention.visualization import _inputs
from keras_attention.visualization._path import LayerPath


def attention_maps(
    model: keras.layers.Layer, inputs: Any, *, batch_size: int = 32
) -> dict[str, Any]:
    """Computes the attention weights of the layers in a model, for inputs.

    These are the weights that the layers use when the model computes its
    outputs in inference mode. The model may be functional, Sequential or
    subclassed, and may contain other models. It does not change.

    Args:
        model: A model, or a layer.
        inputs: Inputs that `model(inputs)` accepts: an array, or a list or
            dictionary of arrays, whose first axis is that of the samples.
        batch_size: Number of samples that are computed at once.

    Returns:
        Dictionary of NumPy arrays, in the order of the calls. A key is the path
        of a layer: the names of the models (and layers) around it and its own
        name, joined by `"/"`, without the name of `model`. `":1"` is appended
        for the second call of a layer, `":2"` for the third. A value is the
        result of `attention` of the layer for all samples; it is a dictionary
        if that is one. Half precision becomes float32. The value of
        `RecurrentAttention` is that of `locations`. A layer that consists of
        other attention layers, such as `CBAM`, has one entry. Each key has an
        attribute `layer`, which `keras_attention.plot_attention` uses.

    Raises:
        ValueError: If `model` is not a layer or model, if `batch_size` is not a
            positive integer, or if the inputs are not arrays with the same
            number of samples, or not inputs that the model accepts.

    Example:

    >>> inputs = keras.Input((8, 8, 3))
    >>> x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    >>> x = keras_attention.CBAM(name="cbam")(x)
    >>> x = keras_attention.SelectiveKernel(4, name="sk")(x)
    >>> model = keras.Model(inputs, x)
    >>> maps = keras_attention.attention_maps(model, np.ones((5, 8, 8, 3)))
    >>> {name: part.shape for name, part in maps["cbam"].items()}
    {'channel': (5, 1, 1, 4), 'spatial': (5, 8, 8, 1)}
    >>> maps["sk"].shape
    (5, 2, 4)

    Note:
        Layers are found if Keras tracks them, as it does to train their
        weights. Layers under `keras.RematScope` are not rematerialized here. On
        JAX, attention layers inside a compiled loop, such as a cell of
        `keras.layers.RNN`, raise an error, as they have no concrete values.
    """
    validation.layer("model", model)
    batch_size = validation.positive_integer("batch_size", batch_size)
    found: dict[LayerPath, list] = {}

    def hook(call):
        if not has_attention(call.layer) or is_inner(call):
            return call.call_next()
        path = LayerPath(
            _hooks.numbered(call.path, calls), call.layer, size=_size(call)
        )
        outputs, attention = _outputs_and_attention(call)
        found.setdefault(path, []).append(
            keras.tree.map_structure(_hooks.to_numpy, attention)
        )
        return outputs

    for _, batch in _hooks.batches(inputs, batch_size):
        calls: Counter = Counter()
        _inputs.call_with_hook(model, batch, hook)
    return {path: _concatenate(batches) for path, batches in found.items()}


def has_attention(layer: keras.layers.Layer) -> bool:
    """Return whether a layer can return attention."""
    if isinstance(layer, IdentityStart):
        return has_attention(layer.layer)
    if isinstance(layer, RecurrentAttention):
        return True
    return "return_attention" in inspect.signature(layer.call).parameters


def is_inner(call: _hooks.Call) -> bool:
    """Return whether a call is made by another layer with attention."""
    return any(
        has_attention(layer) and not isinstance(layer, keras.Model)
        for layer in call.outer
    )


def _outputs_and_attention(call):
    """Return outputs and attention of a call."""
    if isinstance(call.layer, RecurrentAttention):
        return call.call_next(), call.layer.locations(call.args[0])
    signature = inspect.signature(call.layer.call)
    arguments = signature.bind(*call.args, **call.kwargs).arguments
    if arguments.get("return_attention"):
        outputs = call.call_next()
        return outputs, outputs[1]
    return call.call_next(return_attention=True)


def _size(call):
    """Return the spatial size of the map that a layer is called on."""
    data_format = getattr(call.layer, "data_format", None)
    shape = getattr(call.args[0], "shape", ()) if call.args else ()
    if data_format is None or len(shape) < 3:
        return None
    return data_formats.spatial_size(tuple(shape), data_format)


def _concatenate(batches: list) -> Any:
    """Return the attention of all batches in one structure."""
    return keras.tree.map_structure(lambda *xs: np.concatenate(xs), *batches)
