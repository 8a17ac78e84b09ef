"""`IdentityStart`: start as the identity, training and errors."""

import keras
import numpy as np
import pytest
from keras import layers

from autodiff import forward
from autodiff import vjp
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from keras_attention import IdentityStart
from keras_attention import ResidualAttention
from keras_attention import SpatialAttention
from keras_attention import SqueezeExcite

SHAPE = (2, 5, 6, 4)


@pytest.fixture
def x(rng):
    return rng.normal(size=SHAPE).astype("float32")


def test_names_of_weights():
    layer = IdentityStart(SqueezeExcite(2, name="se"), name="start")
    layer.build(SHAPE)
    assert [weight.path for weight in layer.weights] == [
        "start/scale",
        "start/se/squeeze/kernel",
        "start/se/excite/kernel",
    ]
    assert tuple(layer.scale.shape) == (4,)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_starts_as_the_identity(x, dtype):
    layer = IdentityStart(layers.Conv2D(4, 3, padding="same"), dtype=dtype)
    x = keras.ops.cast(x, dtype)
    y = layer(x)
    assert y.dtype == x.dtype
    assert_same(keras.ops.cast(y, "float32"), keras.ops.cast(x, "float32"))


def test_equals_the_layer_at_a_scale_of_one(x):
    inner = SpatialAttention(3)
    layer = IdentityStart(inner)
    layer.build(SHAPE)
    layer.scale.assign(np.ones(4))
    assert_close(layer(x), inner(x), 1e-6)
    layer.scale.assign([1, 0, 1, 0])
    assert_same(layer(x)[..., 1::2], x[..., 1::2])


class InCall(layers.Layer):
    """A layer whose weights are made by its first call."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(4)

    def call(self, x):
        return self.dense(x) + 1


def test_layers_built_by_a_call_are_built(x):
    layer = IdentityStart(InCall())
    layer.build((None, None, None, 4))
    assert len(layer.weights) == 3
    assert_same(layer(x), x)


def test_training_argument_is_passed_on(x):
    layer = IdentityStart(layers.Dropout(0.5, seed=0))
    layer.build(SHAPE)
    layer.scale.assign(np.ones(4))
    assert_close(layer(x), x)
    dropped = to_numpy(layer(x, training=True))
    assert np.any(np.isclose(dropped, 0, atol=1e-6))


def test_supports_masking_as_the_layer_does():
    assert IdentityStart(layers.Dropout(0.5)).supports_masking
    assert not IdentityStart(SqueezeExcite()).supports_masking


def test_attention_of_a_layer_without_attention_raises():
    symbol = keras.Input(SHAPE[1:])
    layer = IdentityStart(layers.Dense(4))
    layer(symbol)
    with pytest.raises((ValueError, TypeError), match="attention"):
        layer(symbol, return_attention=True)
    with pytest.raises(ValueError, match=r"with attention.*Received: layer=<"):
        layer.compute_attention_shape(SHAPE)


@pytest.mark.parametrize("inner", [layers.Dense(3), layers.Flatten()])
def test_other_output_shapes_raise(inner):
    with pytest.raises(ValueError, match=r"keep the shape.*Received: layer=<"):
        IdentityStart(inner).build(SHAPE)


def test_several_outputs_raise():
    inner = layers.LSTM(3, return_state=True)
    with pytest.raises(ValueError, match=r"keep the shape.*output_shape=None"):
        IdentityStart(inner).build((2, 4, 3))


class Broken(layers.Layer):
    """A layer with some outputs that are infinite or NaN."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(4, dtype=self.dtype_policy)

    def call(self, x):
        y = np.zeros(SHAPE)
        y[0, 0, 0] = [np.inf, -np.inf, np.nan, 0]
        return self.dense(x) + keras.ops.cast(y, x.dtype)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_starts_as_the_identity_for_values_that_are_not_finite(x, dtype):
    x[1, 0, 0] = [np.inf, -np.inf, np.nan, 1]
    x[1, 1, 1] = 40000
    layer = IdentityStart(Broken(dtype=dtype), dtype=dtype)
    layer.build(SHAPE)
    x = keras.ops.cast(x, dtype)
    assert_same(
        keras.ops.cast(forward(layer, x), "float32"),
        keras.ops.cast(x, "float32"),
    )
    assert_same(
        keras.ops.cast(layer(x, training=True), "float32"),
        keras.ops.cast(x, "float32"),
    )


def test_starts_as_the_identity_despite_overflow_in_float16():
    x = np.full((1, 8, 8, 4), 40000, "float16")
    layer = IdentityStart(
        ResidualAttention(1, dtype="float16"), dtype="float16"
    )
    assert_same(layer(x), x)
    layer = IdentityStart(
        layers.Rescaling(-1, dtype="float16"), dtype="float16"
    )
    layer.build(x.shape)
    layer.scale.assign(np.full(4, 0.5))
    assert_same(layer(x), np.zeros_like(x))


def test_gradients_for_values_that_are_not_finite(x):
    layer = IdentityStart(Broken())
    layer.build(SHAPE)
    cotangent = np.ones(SHAPE, "float32")
    _, (gradient,), weight_gradients = vjp(layer, [x], cotangent)
    assert_same(gradient, cotangent)
    scale_gradient = weight_gradients.pop("scale")
    finite = to_numpy(layer.layer(x)) - x
    finite[~np.isfinite(finite)] = 0
    assert_close(scale_gradient, finite.sum(axis=(0, 1, 2)))
    for gradient in weight_gradients.values():
        assert_same(gradient, np.zeros_like(gradient))
    layer.scale.assign(np.full(4, 0.1))
    outputs, _, weight_gradients = vjp(layer, [x], cotangent)
    # Away from the start, values that are not finite stay visible.
    assert not np.isfinite(outputs[0, 0, 0, :3]).any()
    assert np.isfinite(outputs[1]).all()
    assert all(np.any(gradient) for gradient in weight_gradients.values())


@pytest.mark.parametrize("batch", [2, 3])
def test_attention_of_a_layer_without_it_raises(batch):
    inner = keras.Sequential([keras.layers.Dense(4)])
    layer = IdentityStart(inner)
    with pytest.raises(ValueError, match=r"with attention.*Received: layer="):
        layer.attention(np.ones((batch, 3, 3, 4), "float32"))
