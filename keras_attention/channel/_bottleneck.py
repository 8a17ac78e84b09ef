"""The two dense layers of a channel gate."""

from collections.abc import Callable
from typing import Any

import keras

from keras_attention._base import calls
from keras_attention.ops import elementwise
from keras_attention.ops import precision


def mlp(
    squeeze: keras.layers.Dense,
    excite: keras.layers.Dense,
    activation: Callable,
    z: Any,
):
    """Apply two dense layers to vectors with one value per channel."""
    z = precision.upcast_float16(z)
    z = elementwise.activate(activation, calls.dense(squeeze, z))
    return calls.dense(excite, z)
