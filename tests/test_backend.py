"""What backends do in their own words is what the plain form does."""

import os
import subprocess
import sys

import keras
import pytest

from autodiff import BACKEND
from autodiff import vjp
from contract.case import assert_close
from keras_attention import _backend
from keras_attention._backend import plain


class Calls(keras.layers.Layer):
    """A function as a layer, to take gradients of."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, *inputs, training=None):
        return self.function(*inputs)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axes", [(3,), (1, 2)])
def test_largest(axes, keepdims, rng):
    # Whole numbers, many of them equal.
    x = rng.integers(-2, 3, (2, 3, 4, 5)).astype("float32")
    cotangent = rng.normal(size=x.max(axes, keepdims=keepdims).shape)
    found, expected = (
        vjp(
            Calls(lambda x, form=form: form(x, axes, keepdims)),
            [x],
            cotangent.astype("float32"),
        )[:2]
        for form in (_backend.largest, plain.largest)
    )
    assert_close(found, expected)


RECOMPUTED = """
import keras
import numpy as np
import keras_attention

x = images = keras.Input((16, 16, 3))
for _ in range(2):
    x = keras.layers.Conv2D(8, 3, padding="same")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras_attention.CBAM(4)(keras.layers.ReLU()(x))
model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))
model.compile("sgd", "mse")
rng = np.random.default_rng(0)
model.fit(rng.normal(size=(32, 16, 16, 3)), rng.normal(size=(32, 8)), verbose=0)
assert all(np.isfinite(weight).all() for weight in model.get_weights())
"""


@pytest.mark.skipif(BACKEND != "jax", reason="these are options of XLA")
def test_maxima_that_a_compiler_recomputes_have_gradients():
    """They were 0 / 0 with these options."""
    options = "--xla_backend_optimization_level=0"
    options += " --xla_llvm_disable_expensive_passes=true"
    subprocess.run(
        [sys.executable, "-c", RECOMPUTED],
        check=True,
        env={**os.environ, "XLA_FLAGS": options},
    )
