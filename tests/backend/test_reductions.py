"""Reductions: native forms equal their definitions."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from autodiff import BACKEND
from autodiff import Calls
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_numpy
from native_forms import FUNCTIONS
from native_forms import definition


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axes", [(3,), (1, 2)])
def test_amax(axes, keepdims, rng):
    # Integers, many of them equal.
    x = rng.integers(-2, 3, (2, 3, 4, 5)).astype("float32")
    cotangent = rng.normal(size=x.max(axes, keepdims=keepdims).shape)
    found, expected = (
        vjp(
            Calls(lambda x, form=form: form(x, axes, keepdims)),
            [x],
            cotangent.astype("float32"),
        )[:2]
        for form in (FUNCTIONS["amax"], definition("amax"))
    )
    assert_close(found, expected)


def of_planes(form):
    """Return a function that splits a map into planes for a form."""
    return lambda *x: form(x[:-1], x[-1])


def forms(name, shapes, *arguments):
    """Return values and gradients of a native form, and of its definition."""
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=shape).astype("float32") for shape in shapes]
    found = []
    for form in (FUNCTIONS[name], definition(name)):
        if name == "conv2d_few_channels":
            form = of_planes(form)
        layer = Calls(lambda *x, form=form: form(*x, *arguments))
        outputs = keras.ops.convert_to_numpy(
            layer(*map(keras.ops.convert_to_tensor, inputs))
        )
        cotangent = np.random.default_rng(1).normal(size=outputs.shape)
        # Compiled, as the forms differ in compiled functions.
        found.append(
            vjp(
                layer,
                inputs,
                cotangent.astype("float32"),
                compiled=BACKEND != "torch",
            )[:2]
        )
    return found


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axes", [(-1,), (1, 2), (0, 2, 3)])
@pytest.mark.parametrize("name", ["mean", "reduce_sum"])
def test_sums(name, axes, keepdims):
    assert_close(*forms(name, [(2, 3, 4, 5)], axes, keepdims))


@pytest.mark.parametrize(
    ("gate", "axes"),
    [((2, 1, 1, 5), (1, 2)), ((2, 3, 4, 1), (3,)), ((2, 1, 4, 5), (1,))],
)
def test_scale(gate, axes):
    assert_close(*forms("scale", [(2, 3, 4, 5), gate], axes))


@pytest.mark.parametrize("channels", [1, 3, 33])
def test_group_dot(channels):
    for axis, shape, other in (
        (3, (2, 6, 4, channels), (2, 1, 4, channels)),
        (2, (2, 4, channels, 6), (2, 4, channels, 1)),
    ):
        assert_close(*forms("group_dot", [shape, other], axis))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("positions", [(), (2,)])
def test_dense(positions, bias):
    shapes = [(3, *positions, 4), (4, 5)] + bias * [(5,)]
    assert_close(*forms("dense", shapes))


@pytest.mark.parametrize("size", [1, 4, 7, 11])
def test_conv2d_few_channels(size):
    shapes = [(2, 5, 4), (2, 5, 4), (size, size, 2, 1)]
    assert_close(*forms("conv2d_few_channels", shapes))


def test_amax_without_gradient(rng):
    x = rng.normal(size=(2, 3, 4)).astype("float32")
    found = FUNCTIONS["amax"](keras.ops.array(x), (1,))
    assert_close(keras.ops.convert_to_numpy(found), x.max(1))


def test_gradient(rng):
    x = rng.normal(size=(2, 3)).astype("float32")
    found = FUNCTIONS["gradient"](
        lambda x: keras.ops.sum(x * x), keras.ops.convert_to_tensor(x)
    )
    assert_close(keras.ops.convert_to_numpy(found), 2 * x)


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
def test_recomputed_maxima_have_gradients():
    """With these options the gradients were 0 / 0."""
    options = "--xla_backend_optimization_level=0"
    options += " --xla_llvm_disable_expensive_passes=true"
    subprocess.run(
        [sys.executable, "-c", RECOMPUTED],
        check=True,
        env={**os.environ, "XLA_FLAGS": options},
    )


@pytest.mark.parametrize(
    ("shape", "axes"), [((8, 16, 3136), (0, 2)), ((8, 3136, 16), (0, 1))]
)
def test_means_of_many_values_are_accurate(shape, axes, rng):
    """Otherwise batch normalization of maps with a large mean is inaccurate."""
    x = (1.03 + 1e-3 * rng.normal(size=shape)).astype("float32")
    found = to_numpy(FUNCTIONS["mean"](ops.convert_to_tensor(x), axes))
    expected = x.mean(axes, dtype="float64")
    assert np.abs(found - expected).max() < 1e-6
