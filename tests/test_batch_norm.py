"""Batch normalization of the layers, compared with that of Keras."""

import keras
import numpy as np
import pytest

from autodiff import BACKEND
from autodiff import float64
from autodiff import vjp
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from keras_attention._base.batch_norm import BatchNorm

KERAS = {"momentum": 0.9, "epsilon": 1e-5}


@pytest.mark.parametrize(("axis", "shape"), [(-1, (7, 4)), (1, (3, 4, 5, 2))])
def test_equals_keras(axis, shape, rng):
    x = rng.normal(size=shape).astype("float32")
    cotangent = rng.normal(size=shape).astype("float32")
    ours, theirs = (
        BatchNorm(axis),
        keras.layers.BatchNormalization(axis, **KERAS),
    )
    for training in (True, False, True):
        found, expected = (
            vjp(norm, [x], cotangent, training=training)[:2]
            for norm in (ours, theirs)
        )
        assert_close(found, expected)
        assert_close(ours.get_weights(), theirs.get_weights(), 1e-6)


@pytest.mark.parametrize("value", [100, 1e4])
def test_equal_samples_are_finite(value, rng):
    x = np.repeat(rng.uniform(value, 2 * value, (1, 50)), 7, 0)
    norm = BatchNorm()
    assert np.isfinite(to_numpy(norm(x.astype("float32"), training=True))).all()
    assert (to_numpy(norm.moving_variance) >= 0).all()


def test_one_sample_is_the_shift(rng):
    norm = BatchNorm(beta_initializer="ones")
    assert_close(norm(rng.normal(size=(1, 4)), training=True), np.ones((1, 4)))


def test_frozen_layer_computes_as_in_inference(rng):
    x = rng.normal(size=(7, 4)).astype("float32")
    norm = BatchNorm()
    norm.trainable = False
    assert_same(norm(x, training=True), norm(x))
    assert_same(norm.moving_mean, np.zeros(4))


def test_float64_is_honored(rng):
    x = rng.normal(size=(7, 4))
    with float64():
        y = to_numpy(BatchNorm(dtype="float64")(x, training=True))
    assert y.dtype == "float64"
    expected = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
    assert_close(y, expected, 1e-12)


@pytest.mark.skipif(BACKEND == "torch", reason="is not compiled by Keras")
def test_compiled_call_equals_eager_call(rng):
    x = rng.normal(size=(7, 4)).astype("float32")
    cotangent = rng.normal(size=(7, 4)).astype("float32")
    runs = [
        vjp(BatchNorm(), [x], cotangent, training=True, compiled=compiled)
        for compiled in (False, True)
    ]
    assert_close(*runs)
