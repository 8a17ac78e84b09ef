"""Tests of `GatedChannelTransform` beyond the contract."""

import numpy as np
import pytest

from autodiff import role
from autodiff import vjp
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from keras_attention import GatedChannelTransform

MODES = ["l1", "l2"]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 6, 16)).astype("float32")


def built(*args, **kwargs):
    layer = GatedChannelTransform(*args, data_format="channels_last", **kwargs)
    layer.build((None, None, None, 16))
    return layer


def generic(*args, **kwargs):
    layer = built(*args, **kwargs)
    layer.set_weights([RNG.normal(size=16) for _ in range(3)])
    return layer


@pytest.mark.parametrize("mode", MODES)
def test_weights_are_named_for_their_roles(mode):
    layer = built(mode)
    roles = [role(weight) for weight in layer.weights]
    assert roles == ["alpha", "gamma", "beta"]
    assert layer.count_params() == 3 * 16


@pytest.mark.parametrize("scale", [0, 1e-6, 1, 1e3])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "float16"])
def test_starts_as_the_identity_to_the_last_bit(dtype, mode, scale):
    layer = built(mode, dtype=dtype)
    x = (X * scale).astype(layer.compute_dtype)
    assert_same(layer(x), x)


@pytest.mark.parametrize("mode", MODES)
def test_sums_do_not_overflow_in_float16(mode):
    """64x64 values of about 1000: the sum of squares is 4e9, above 65504."""
    x = RNG.normal(1000, 10, size=(1, 64, 64, 16)).astype("float16")
    half, single = generic(mode, dtype="mixed_float16"), built(mode)
    single.set_weights(half.get_weights())
    gate = to_numpy(half.attention(x)).astype("float32")
    assert_close(gate, single.attention(x.astype("float32")), 1e-3)
    assert gate.std() > 0.1


@pytest.mark.parametrize("mode", MODES)
def test_gate_is_between_0_and_2(mode):
    gate = to_numpy(generic(mode).attention(X))
    assert ((gate > 0) & (gate < 2)).all()


@pytest.mark.parametrize("mode", MODES)
def test_zero_images_have_a_gradient(mode):
    zeros = np.zeros_like(X)
    _, (gradient,), weight_gradients = vjp(generic(mode), [zeros], X)
    for array in (gradient, *weight_gradients.values()):
        assert np.isfinite(array).all()
    assert np.any(gradient != 0)


def test_after_relu_only_omits_the_absolute_value():
    plain, after = generic("l1"), built("l1", after_relu=True)
    after.set_weights(plain.get_weights())
    assert_close(after(np.abs(X)), plain(np.abs(X)))
    difference = to_numpy(after(X)) - to_numpy(plain(X))
    assert np.abs(difference).max() > 0.01
    squares = built("l2", after_relu=True)
    squares.set_weights(plain.get_weights())
    reference = built("l2")
    reference.set_weights(plain.get_weights())
    assert_same(squares(X), reference(X))
