"""Types of arguments that Keras resolves by its `get` functions.

Keras has no types for type checkers, so its classes are not named here: a
checker would then accept every value. Initializers, regularizers and activation
functions of Keras are callable.
"""

from collections.abc import Callable

import keras

# A name, a serialized object, a function, an object of Keras, or its class.
Activation = str | dict | Callable | None
Initializer = str | dict | Callable
Regularizer = str | dict | Callable | None
# What `keras_attention.get` accepts: its name, the serialized layer, a layer.
AttentionLayer = str | dict | keras.layers.Layer | None
