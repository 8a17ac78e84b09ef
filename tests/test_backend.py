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
        self.built = True
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


def taps(rng, shape, size):
    """Return two pixels of a line and their weights, for each of a shape."""
    return [
        (rng.integers(0, size, shape).astype("int32"), weight)
        for weight in rng.normal(size=(2, *shape)).astype("float32")
    ]


def both(name, call, arrays, rng):
    """Return values and gradients of both forms of a function."""
    values = call(getattr(plain, name), *map(keras.ops.array, arrays))
    cotangent = rng.normal(size=values.shape).astype("float32")
    return (
        vjp(
            Calls(lambda *inputs, form=form: call(form, *inputs)),
            arrays,
            cotangent,
        )[:2]
        for form in (getattr(_backend, name), getattr(plain, name))
    )


def sampled(call, rng):
    """Return a call by weights, and the arrays to take gradients of."""
    maps = rng.normal(size=(4, 5, 3, 6)).astype("float32")
    rows, columns = (taps(rng, (4, 7, 9), size) for size in (5, 3))
    indices = [index for index, _ in (*rows, *columns)]

    def run(form, maps, *rest):
        pairs = list(zip(indices, rest[:4], strict=True))
        pairs = [(keras.ops.array(index), by) for index, by in pairs]
        return call(form, maps, pairs[:2], pairs[2:], *rest[4:])

    return run, [maps, *(weight for _, weight in (*rows, *columns))]


@pytest.mark.parametrize("exporting", [False, True])
def test_weighted_rows(exporting, rng, monkeypatch):
    if BACKEND == "torch":
        # What is exported has no bags in it.
        monkeypatch.setattr("torch.compiler.is_exporting", lambda: exporting)
    call, arrays = sampled(lambda form, *inputs: form(*inputs), rng)
    found, expected = both("weighted_rows", call, arrays, rng)
    assert_close(found[0], expected[0])
    assert_close(found[1], expected[1])


@pytest.mark.parametrize(("groups", "offset_groups"), [(1, 1), (3, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_deform(groups, offset_groups, dtype, rng):
    kernel = rng.normal(size=(3, 3, 6 * offset_groups // groups, 6))
    call, arrays = sampled(
        lambda form, maps, rows, columns, kernel: keras.ops.cast(
            form(
                maps,
                rows,
                columns,
                keras.ops.cast(kernel, dtype),
                groups=groups,
                offset_groups=offset_groups,
            ),
            "float32",
        ),
        rng,
    )
    arrays.append(kernel.astype("float32"))
    found, expected = both("deform", call, arrays, rng)
    tolerance = 1e-5 if dtype == "float32" else 0.02
    for mine, theirs in zip(
        (found[0], *found[1]), (expected[0], *expected[1]), strict=True
    ):
        scale = abs(theirs).max()
        assert_close(mine / scale, theirs / scale, tolerance)


@pytest.mark.parametrize("axis", [1, 2])
def test_take_along(axis, rng):
    index = rng.integers(0, 4, (2, 4, 4)).astype("int32")

    def call(form, x):
        return form(x, keras.ops.array(index), axis)

    x = rng.normal(size=(2, 4, 4)).astype("float32")
    found, expected = both("take_along", call, [x], rng)
    assert_close(found[0], expected[0])
    assert_close(found[1], expected[1])


def test_take_rows(rng):
    index = rng.integers(0, 4, (2, 2, 3, 5)).astype("int32")

    def call(form, x):
        return form(x, *map(keras.ops.array, index))

    x = rng.normal(size=(2, 4, 4, 3)).astype("float32")
    found, expected = both("take_rows", call, [x], rng)
    assert_close(found[0], expected[0])
    assert_close(found[1], expected[1])


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
