"""`deform_attention`: values and gradients, and far locations."""

import re

import keras
import numpy as np
import pytest

import golden
from autodiff import BACKEND
from autodiff import BOTH_WAYS
from autodiff import float64
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention.ops import deform_attention
from references import self_attention

GOLDEN = golden.load("deform_attention")
MAPS = [(2, 5, 7, 12), (2, 3, 4, 12), (2, 1, 1, 12)]
FAR = (np.inf, -np.inf, 3e38, -3e38, 1e30, 1e9, -1e9)


class Function(keras.layers.Layer):
    """`deform_attention` as a layer of locations, weights, and maps."""

    def __init__(self, data_format="channels_last", dtype=None):
        super().__init__(dtype=dtype)
        self.built = True
        self.data_format = data_format

    def call(self, locations, weights, *values, training=None):
        return deform_attention(
            list(values), locations, weights, data_format=self.data_format
        )


def tensors(levels=3, heads=4, points=2, queries=6):
    rng = np.random.default_rng(0)
    shape = (2, queries, heads, levels, points)
    arrays = [
        rng.uniform(-0.2, 1.2, size=(*shape, 2)),
        rng.normal(size=shape),
        *(rng.normal(size=shape) for shape in MAPS[:levels]),
    ]
    return [array.astype("float32") for array in arrays]


def reference(locations, weights, *values):
    return self_attention.deform_attention(values, locations, weights)


def in_layout(arrays, data_format):
    """Return locations and weights, and the maps in a layout."""
    return [*arrays[:2], *(to_layout(x, data_format) for x in arrays[2:])]


def back(arrays, data_format):
    return [*arrays[:2], *(to_last(x, data_format) for x in arrays[2:])]


@BOTH_WAYS
def test_golden(data_format, compiled):
    names = ("locations", "weights", "values/0", "values/1")
    outputs, gradients, _ = vjp(
        Function(data_format),
        in_layout([GOLDEN[name] for name in names], data_format),
        GOLDEN["cotangent"],
        compiled=compiled,
    )
    assert_close(outputs, GOLDEN["y"])
    expected = [GOLDEN[f"d{name}"] for name in names]
    assert_close(back(gradients, data_format), expected)


@pytest.mark.parametrize("levels", [1, 2, 3])
@BOTH_WAYS
def test_gradients_are_those_of_the_equation(levels, data_format, compiled):
    arrays = tensors(levels)
    point = [array.astype("float64") for array in arrays]
    expected = reference(*point)
    rng = np.random.default_rng(1)
    cotangent = rng.normal(size=expected.shape).astype("float32")
    outputs, gradients, _ = vjp(
        Function(data_format),
        in_layout(arrays, data_format),
        cotangent,
        compiled=compiled,
    )
    assert_close(outputs, expected)
    step = 1e-7
    for index, gradient in enumerate(back(gradients, data_format)):
        v = rng.normal(size=gradient.shape)
        rise = sum(
            sign
            * reference(
                *(
                    a + sign * step * v if i == index else a
                    for i, a in enumerate(point)
                )
            )
            for sign in (1, -1)
        )
        found = (rise * cotangent).sum() / (2 * step)
        scale = np.linalg.norm(gradient) * np.linalg.norm(v)
        assert abs((gradient * v).sum() - found) <= 1e-5 * scale, index


def test_float64_has_its_digits():
    locations, weights, *values = (x.astype("float64") for x in tensors())
    with float64():
        outputs = to_numpy(deform_attention(values, locations, weights))
    assert outputs.dtype == "float64"
    assert_close(outputs, reference(locations, weights, *values), 1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_samples_at_float32_locations(dtype):
    """Half precision cannot represent locations at the end of a long line."""
    x = np.zeros((1, 1, 4097, 1), "float32")
    x[0, 0, 4095:] = 2
    pixels = np.array([4094, 4095], "float32")
    locations = np.stack([(pixels + 0.5) / 4097, [0.5, 0.5]], -1)
    y = deform_attention(
        [keras.ops.cast(x, dtype)],
        locations.reshape(1, 2, 1, 1, 1, 2).astype("float32"),
        keras.ops.ones((1, 2, 1, 1, 1), dtype),
        data_format="channels_last",
    )
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    y = to_numpy(keras.ops.cast(y, "float32")).ravel()
    np.testing.assert_allclose(y, [0, 2], atol=2e-3)


def test_float16_gradients_are_summed_in_float32():
    """A pixel is sampled 4096 times; float16 cannot count above 2048."""
    locations = np.full((1, 4096, 1, 1, 1, 2), 0.5, "float16")
    _, gradients, _ = vjp(
        Function(dtype="float16"),
        [
            locations,
            np.ones(locations.shape[:-1], "float16"),
            np.ones((1,) * 4),
        ],
        np.ones((1, 4096, 1), "float16"),
    )
    assert gradients[2].item() == 4096


def test_locations_run_from_edge_to_edge():
    """0 and 1 are edges, where half of the sample is outside."""
    x = np.array([[2.0, 4, 8]], "float32").reshape(1, 1, 3, 1)
    columns = np.array([-1 / 6, 0, 1 / 6, 1 / 2, 2 / 3, 1, 7 / 6], "float32")
    for transposed in (False, True):
        locations = np.stack([columns, np.full(7, 0.5, "float32")], -1)
        value = x
        if transposed:
            locations, value = locations[:, ::-1], x.swapaxes(1, 2)
        y = deform_attention(
            [value],
            locations.reshape(1, 7, 1, 1, 1, 2),
            np.ones((1, 7, 1, 1, 1), "float32"),
            data_format="channels_last",
        )
        expected = np.array([0, 1, 2, 4, 6, 4, 0]).reshape(1, 7, 1)
        assert_close(y, expected, 1e-6)


def test_a_level_without_weight_has_no_effect():
    locations, weights, *values = tensors()
    weights[:, :, :, 1] = 0
    both = deform_attention(values, locations, weights)
    others = deform_attention(
        values[::2], locations[:, :, :, ::2], weights[:, :, :, ::2]
    )
    assert_close(both, to_numpy(others))


def test_each_head_reads_its_own_channels():
    locations, weights, *values = tensors(levels=1)
    weights[:, :, 2] = 0
    y = to_numpy(deform_attention(values, locations, weights))
    assert not y[..., 6:9].any()
    assert np.delete(y, [6, 7, 8], -1).any(axis=(0, 1)).all()


FIRST = Function()  # the same in all tests, so that JAX compiles it once


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("axis", [0, 1])
def test_far_locations_are_zero_and_not_read(far, axis):
    locations, weights, *values = tensors()
    locations[0, 2, 1, 0, 1, axis] = far
    arrays = [locations, weights, *values]
    outputs, gradients, _ = vjp(FIRST, arrays, np.ones((2, 6, 12), "float32"))
    for array in (outputs, *gradients):
        assert np.isfinite(array).all()
    assert not gradients[0][0, 2, 1, 0, 1].any()
    locations[0, 2, 1, 0, 1, axis] = 100
    assert_close(outputs, to_numpy(FIRST(*arrays)))


@pytest.mark.parametrize("axis", [0, 1])
def test_nan_location_makes_the_channels_of_its_head_nan(axis):
    locations, *others = tensors()
    locations[0, 2, 1, 0, 1, axis] = np.nan
    outputs = to_numpy(FIRST(locations, *others))
    assert np.isnan(outputs[0, 2, 3:6]).all()
    outputs[0, 2, 3:6] = 0
    assert np.isfinite(outputs).all()


@pytest.mark.skipif(BACKEND == "jax", reason="There shapes are known.")
def test_models_take_maps_of_any_size():
    inputs = [keras.Input((None, 2, 1, 3, 2)), keras.Input((None, 2, 1, 3))]
    maps = keras.Input((None, None, 4))
    model = keras.Model(
        [*inputs, maps],
        deform_attention([maps], *inputs, data_format="channels_last"),
    )
    assert model.output.shape == (None, None, 4)
    rng = np.random.default_rng(0)
    for queries, height, width in ((1, 1, 1), (4, 5, 2)):
        arrays = [
            rng.uniform(size=(2, queries, 2, 1, 3, 2)),
            rng.normal(size=(2, queries, 2, 1, 3)),
            rng.normal(size=(2, height, width, 4)),
        ]
        outputs = model.predict(arrays, verbose=0)
        assert_close(outputs, reference(*arrays))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"values": []}, r"`values` must be a list of maps"),
        ({"values": 5}, r"`values` must be a list of maps"),
        ({"values": [np.ones((2, 0, 7, 12))] * 2}, "none of them empty"),
        ({"values": [np.ones((2, 5, 12))]}, r"`values` must be .* rank 4"),
        (
            {"values": [np.ones((2, 5, 7, n)) for n in (12, 8)]},
            r"the same number of channels",
        ),
        (
            {"values": [np.ones((2, 5, 7, 10)) for _ in range(2)]},
            r"must divide the number of channels \(10\)",
        ),
        (
            {"values": [np.ones((2, 5, 7, 12)) for _ in range(3)]},
            r"`locations` must have shape .* here 3",
        ),
        ({"locations": np.ones((2, 6, 4, 2, 3, 3))}, "`locations` must have"),
        ({"locations": np.ones((2, 6, 4, 2, 3))}, "`locations` must have"),
        ({"weights": np.ones((2, 6, 4, 2, 2))}, r"`weights` must have"),
        ({"weights": np.ones((2, 6, 4, 2, 3, 1))}, r"`weights` must have"),
        (
            {"locations": keras.KerasTensor((2, 6, None, 2, 3, 2))},
            "known number of heads and points",
        ),
        ({"locations": np.ones((2, 6, 0, 2, 3, 2))}, "at least one of each"),
        ({"locations": np.ones((2, 6, 4, 2, 0, 2))}, "at least one of each"),
        (
            {
                "locations": np.ones((1, 6, 4, 2, 3, 2)),
                "weights": np.ones((1, 6, 4, 2, 3)),
            },
            "batch",
        ),
        ({"data_format": "NHWC"}, "`data_format` must be"),
    ],
)
def test_wrong_arguments_raise(change, match):
    arguments = {
        "values": [np.ones((2, 5, 7, 12)), np.ones((2, 3, 4, 12))],
        "locations": np.ones((2, 6, 4, 2, 3, 2)),
        "weights": np.ones((2, 6, 4, 2, 3)),
        "data_format": "channels_last",
    }
    with pytest.raises(ValueError, match=match) as error:
        deform_attention(**{**arguments, **change})
    assert re.search(r"Received: [\w.[\]]+=", str(error.value))


def test_no_queries_and_no_samples():
    for batch, queries in ((2, 0), (0, 6), (0, 0)):
        outputs = deform_attention(
            [np.ones((batch, 5, 7, 12))],
            np.ones((batch, queries, 4, 1, 3, 2)),
            np.ones((batch, queries, 4, 1, 3)),
            data_format="channels_last",
        )
        assert tuple(outputs.shape) == (batch, queries, 12)
