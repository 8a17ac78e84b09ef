import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import role
from autodiff import vjp
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from golden import Golden
from keras_attention import GlobalResponseNorm

GOLDEN = Golden(
    "grn",
    GlobalResponseNorm,
    {name: (name, golden.vector) for name in ("gamma", "beta")},
)


def built(channels=16, **kwargs):
    layer = GlobalResponseNorm(**kwargs)
    layer.build((None, None, None, channels))
    return layer


def generic(rng, **kwargs):
    layer = built(**kwargs)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


@pytest.fixture
def x(rng):
    return rng.normal(size=(2, 5, 6, 16)).astype("float32")


@BOTH_WAYS
def test_golden(data_format, compiled):
    golden.check_results(GOLDEN, data_format, compiled)


def test_weights_are_named_for_their_roles():
    layer = built()
    assert [role(weight) for weight in layer.weights] == ["gamma", "beta"]
    assert layer.count_params() == 2 * 16


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "bfloat16"])
@pytest.mark.parametrize("scale", [0, 1e-6, 1, 1e3])
def test_starts_as_the_identity_to_the_last_bit(dtype, scale, x):
    layer = built(dtype=dtype)
    outputs = layer(x * scale)
    same = layer._as_float(x * scale).astype(layer.compute_dtype)
    assert_same(outputs, same)


def test_mean_response_is_1(rng, x):
    response = to_numpy(generic(rng).attention(x))
    assert_close(response.mean(-1), np.ones((2, 1, 1), "float32"))


def test_response_does_not_depend_on_the_scale_of_the_map(rng, x):
    layer = generic(rng)
    assert_close(layer.attention(100 * x), to_numpy(layer.attention(x)))


def test_channels_of_zeros_have_finite_gradients(rng, x):
    x[..., :3] = 0
    layer = generic(rng)
    for inputs in (x, 0 * x):
        outputs, (gradient,), weights = vjp(layer, [inputs], np.ones_like(x))
        for array in (outputs, gradient, *weights.values()):
            assert np.isfinite(array).all()
        # The norm has the gradient 0, so only the map itself is left.
        assert_close(gradient[..., :3], np.ones_like(gradient[..., :3]))


def test_sums_of_squares_do_not_overflow_in_float16(rng):
    x = rng.normal(1000, 10, size=(1, 64, 64, 16)).astype("float16")
    half, single = generic(rng, dtype="mixed_float16"), built()
    single.set_weights(half.get_weights())
    response = to_numpy(half.attention(x)).astype("float32")
    assert_close(response, single.attention(x.astype("float32")), 1e-3)


def test_range_is_that_of_the_docstring(rng):
    limit = 0.99 * 1.8e19 / np.sqrt(30)
    x = (limit * rng.choice([-1, 1], (1, 5, 6, 16))).astype("float32")
    assert_same(built()(x), x)
    assert_close(built().attention(x), np.ones((1, 1, 1, 16), "float32"))
