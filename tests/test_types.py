"""Annotations of arguments say what may be passed."""

import inspect
from typing import Any

import keras
import pytest

import keras_attention
from keras_attention import models

BUILDERS = {
    name: getattr(models, name)
    for name in models.__all__
    if inspect.isfunction(getattr(models, name))
}
LAYERS = {
    name: getattr(keras_attention, name)
    for name in keras_attention.list_attentions()
}
# A symbolic tensor, which Keras has no type for.
TENSORS = {"input_tensor"}


@pytest.mark.parametrize("name", [*LAYERS, *BUILDERS])
def test_no_argument_is_of_any_type(name):
    function = LAYERS.get(name) or BUILDERS[name]
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in TENSORS:
            assert parameter.annotation not in (Any, parameter.empty), parameter


VALUES = {
    "activation": (None, "relu", keras.ops.relu, keras.layers.ReLU()),
    "kernel_initializer": (
        "he_normal",
        {"class_name": "HeNormal", "config": {}},
        keras.initializers.HeNormal,
        keras.initializers.HeNormal(),
        lambda shape, dtype=None: keras.ops.ones(shape, dtype),
    ),
    "kernel_regularizer": (
        None,
        "l2",
        {"class_name": "L2", "config": {"l2": 1e-4}},
        keras.regularizers.L2,
        keras.regularizers.L2(1e-4),
    ),
}


@pytest.mark.parametrize(
    ("argument", "value"),
    [(name, value) for name, values in VALUES.items() for value in values],
)
def test_values_of_each_type_are_accepted(argument, value):
    layer = keras_attention.DeformableConv2D(2, **{argument: value})
    x = keras.ops.ones((1, 4, 4, 2))
    assert layer(x).shape == (1, 4, 4, 2)
