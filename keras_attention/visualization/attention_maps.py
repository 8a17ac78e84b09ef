"""Attention weights of the layers of a model."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import keras
import numpy as np

from keras_attention._utils import validation
from keras_attention.hard import RecurrentAttention
from keras_attention.surgery import IdentityStart
from keras_attention.visualization import _inputs
from keras_attention.visualization import _watch
from keras_attention.visualization._path import LayerPath


def attention_maps(
    model: keras.layers.Layer, inputs: Any, *, batch_size: int = 32
) -> dict[str, Any]:
    """Computes the attention weights of the layers of a model for given inputs.

    They are the very weights that the layers used on the way from inputs to
    outputs, in inference mode. The model may be functional, Sequential or
    subclassed, and have models in it; it is left as it was.

    Args:
        model: A model, or a layer.
        inputs: What `model(inputs)` accepts: an array, or a list or dictionary
            of several, the first axis being samples.
        batch_size: How many samples are computed at once.

    Returns:
        Dictionary of NumPy arrays, in the order of the calls. A key is a path,
        the names of the models (and layers) that a layer is in, and its own,
        joined by `"/"`, without the name of `model`. A second call of a path
        adds `":1"`, a third `":2"`. A value is what `attention` of the layer
        returns, all samples along its first axis, half precision as float32;
        where that is a dictionary, so is this. Of `RecurrentAttention` it is
        `locations`. A layer that is made of others, such as `CBAM`, is one
        entry. A key also knows its layer, `key.layer`, by which
        `keras_attention.plot_attention` draws it.

    Raises:
        ValueError: If `model` is not a layer or model, if `batch_size` is not a
            positive integer, or if the inputs are not arrays of as many samples
            each, or are not what the model accepts.

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
        Layers are watched where Keras tracks them, as it does for weights to be
        trained. What is rematerialized by `keras.RematScope` in training is not
        for the maps. On JAX a layer inside a compiled loop, such as a cell of
        `keras.layers.RNN`, has no values to tell, and is an error.
    """
    validation.layer("model", model)
    batch_size = validation.positive_integer("batch_size", batch_size)
    found: dict[LayerPath, list] = {}

    def see(call):
        if not has_attention(call.layer) or is_hidden(call):
            return call.run()
        path = LayerPath(_watch.numbered(call.path, calls), call.layer)
        outputs, attention = _looked(call)
        found.setdefault(path, []).append(
            keras.tree.map_structure(_watch.to_numpy, attention)
        )
        return outputs

    for _, batch in _watch.batches(inputs, batch_size):
        calls: Counter = Counter()
        _inputs.run(model, batch, see)
    return {path: _joined(parts) for path, parts in found.items()}


def has_attention(layer: keras.layers.Layer) -> bool:
    """Return whether a layer can tell what it attends to."""
    if isinstance(layer, IdentityStart):
        return has_attention(layer.layer)
    if isinstance(layer, RecurrentAttention):
        return True
    return "return_attention" in inspect.signature(layer.call).parameters


def is_hidden(call: _watch.Call) -> bool:
    """Return whether a layer is a part of one that speaks for it."""
    return any(
        has_attention(layer) and not isinstance(layer, keras.Model)
        for layer in call.outer
    )


def _looked(call):
    """Return outputs and attention of a call."""
    if isinstance(call.layer, RecurrentAttention):
        return call.run(), call.layer.locations(call.args[0])
    signature = inspect.signature(call.layer.call)
    asked = signature.bind(*call.args, **call.kwargs).arguments
    if asked.get("return_attention"):
        outputs = call.run()
        return outputs, outputs[1]
    return call.run(return_attention=True)


def _joined(parts: list) -> Any:
    """Return batches as one."""
    return keras.tree.map_structure(lambda *xs: np.concatenate(xs), *parts)
