"""The package as a type checker of a user reads it: `tox run -e type`.

mypy reports an ignored error that is not there, so each of them must be.
"""

from typing import assert_type

import keras

import keras_attention
from keras_attention import models

layer = keras_attention.CBAM(reduction=16, name="cbam", dtype="float16")
assert_type(layer, keras_attention.CBAM)
assert_type(layer.reduction, int)
assert_type(keras_attention.__version__, str)

keras_attention.CBAM(ratio=8)  # type: ignore[call-arg]
keras_attention.CBAM(16, 7)  # type: ignore[call-arg]
keras_attention.CBAM(reduction="16")  # type: ignore[arg-type]
keras_attention.SqueezeExcite(16, bias=True)  # type: ignore[call-arg]
keras_attention.CBMA(16)  # type: ignore[attr-defined]
keras_attention.ops.grid_sample([], [], corners=True)  # type: ignore[call-arg]
keras_attention.get("se", 3)  # type: ignore[call-arg]
models.SEResNet50(include_top="no")  # type: ignore[arg-type]
models.SEResNet50("imagenet")  # type: ignore[arg-type]

# What the `get` functions of Keras accept, and nothing else.
keras_attention.DeformableConv2D(
    8,
    activation=keras.ops.relu,
    kernel_initializer={"class_name": "HeNormal", "config": {}},
    kernel_regularizer=keras.regularizers.L2(1e-4),
    activity_regularizer="l2",
)
keras_attention.DeformableConv2D(8, activation=None, kernel_regularizer=None)
keras_attention.SqueezeExcite(16, activation=abs, gate_activation="sigmoid")
keras_attention.CBAM(kernel_initializer=keras.initializers.HeNormal)
keras_attention.CBAM(kernel_initializer=None)  # type: ignore[arg-type]
keras_attention.CBAM(kernel_initializer=0.1)  # type: ignore[arg-type]
keras_attention.CBAM(kernel_regularizer=1e-4)  # type: ignore[arg-type]
keras_attention.CBAM(activity_regularizer=1e-4)  # type: ignore[arg-type]
keras_attention.SqueezeExcite(gate_activation=1)  # type: ignore[arg-type]
models.SEResNet50(classifier_activation=None)
models.SEResNet50(classifier_activation=0)  # type: ignore[arg-type]
