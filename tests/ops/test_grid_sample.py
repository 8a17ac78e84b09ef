"""`grid_sample`: values and gradients of PyTorch, and far locations."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

import golden
from autodiff import BACKEND
from autodiff import float64
from autodiff import subset
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention.ops import grid_sample
from ops_sampler import SETTINGS
from ops_sampler import Sampler
from ops_sampler import name

GOLDEN = golden.load("grid_sample")
ALL_SETTINGS = pytest.mark.parametrize("settings", SETTINGS, ids=name)
FAR = (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e30, 1e9, -1e9)


@functools.cache
def sampler(name_of_settings, form):
    """Return a cached layer, so that JAX compiles it once for several tests."""
    return Sampler(next(s for s in SETTINGS if name(s) == name_of_settings))


def stored(settings):
    given = golden.under(GOLDEN, f"{settings['align_corners']}/")
    found = golden.under(GOLDEN, f"{name(settings).replace('-', '/')}/")
    return given, found


@ALL_SETTINGS
def test_golden(settings, form):
    compare(settings)


@pytest.mark.parametrize("settings", subset(SETTINGS), ids=name)
def test_golden_with_the_channels_first(settings, form):
    compare(settings, "channels_first")


@pytest.mark.skipif(BACKEND == "jax", reason="There all are compiled.")
@pytest.mark.parametrize("settings", subset(SETTINGS, 2), ids=name)
def test_golden_compiled(settings):
    compare(settings, compiled=True)


def compare(settings, data_format="channels_last", **compiled):
    given, found = stored(settings)
    outputs, (dx, dgrid), _ = vjp(
        Sampler(settings, data_format),
        [to_layout(given["x"], data_format), given["grid"]],
        to_layout(given["cotangent"], data_format),
        **compiled,
    )
    assert_close(to_last(outputs, data_format), found["y"])
    assert_close(to_last(dx, data_format), found["dx"])
    assert_close(dgrid, found.get("dgrid", np.zeros_like(dgrid)))


@ALL_SETTINGS
def test_golden_in_float64(settings, form):
    given, found = stored(settings)
    with float64():
        x, grid = (given[key].astype("float64") for key in ("x", "grid"))
        outputs = to_numpy(grid_sample(x, grid, **settings))
        assert outputs.dtype == "float64"
    assert_close(outputs, found["y"], 1e-7)


@ALL_SETTINGS
@pytest.mark.parametrize("axis", [0, 1])
def test_far_locations_stay_in_the_map(settings, axis, form):
    """Each column of the grid is far outside in another way."""
    x = np.random.default_rng(0).normal(10, size=(2, 5, 9, 1))
    grid = np.random.default_rng(1).uniform(-1, 1, (2, 3, len(FAR), 2))
    grid[..., axis] = FAR
    x, grid = x.astype("float32"), grid.astype("float32")
    layer = sampler(name(settings), form)
    outputs, (dx, dgrid), _ = vjp(layer, [x, grid], np.ones_like(grid[..., :1]))
    interpolation, padding_mode, _ = settings.values()

    finite = np.abs(FAR) < 1e38  # as their locations in pixels are, too
    assert np.isfinite(outputs[:, :, finite]).all()
    assert np.isfinite(dgrid[:, :, finite]).all()

    found = outputs[:, :, ~finite]
    if interpolation == "bicubic":
        assert np.isnan(found).all()
    elif padding_mode == "zeros":
        assert np.isnan(found).all() or not found.any()
        assert interpolation == "bilinear" or not found.any()
    else:
        far = np.array(FAR)[~finite]
        border = padding_mode == "border"
        grid[:, :, ~finite, axis] = np.where(border & (far > 0), 1, -1)
        assert_close(found, to_numpy(layer(x, grid))[:, :, ~finite])
        assert not dgrid[:, :, ~finite, axis].any()
        assert np.isfinite(dx).all()


@ALL_SETTINGS
def test_maps_of_one_pixel(settings, form):
    x = np.full((2, 1, 1, 3), 7, "float32")
    grid = np.random.default_rng(0).uniform(-3, 3, (2, 4, 5, 2))
    outputs, gradients, _ = vjp(
        Sampler(settings),
        [x, grid.astype("float32")],
        np.ones((2, 4, 5, 3), "float32"),
    )
    for array in (outputs, *gradients):
        assert np.isfinite(array).all()
    if settings["padding_mode"] != "zeros":
        assert_close(outputs, np.full_like(outputs, 7))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_samples_at_float32_locations(dtype, form):
    """Half precision cannot represent locations at the end of a long line."""
    x = np.zeros((1, 1, 4097, 1), "float32")
    x[0, 0, 4095:] = 2
    grid = np.array([4094 / 2048 - 1, 4095 / 2048 - 1], "float32")
    grid = np.stack([grid, np.zeros(2, "float32")], -1).reshape(1, 1, 2, 2)
    y = grid_sample(ops.cast(x, dtype), ops.convert_to_tensor(grid))
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    assert to_numpy(ops.cast(y, "float32")).ravel().tolist() == [0, 2]


def test_float16_gradients_are_summed_in_float32(form):
    """A pixel is sampled 4096 times; float16 cannot count above 2048."""
    layer = Sampler(SETTINGS[0], dtype="float16")
    x = np.ones((1, 1, 1, 1), "float16")
    grid = np.zeros((1, 64, 64, 2), "float16")
    _, (gradient, _), _ = vjp(
        layer, [x, grid], np.ones((1, 64, 64, 1), "float16")
    )
    assert gradient.item() == 4096


def test_integers_are_converted_to_floats():
    x = np.array([[1, 2]], "uint8").reshape(1, 1, 2, 1)
    y = grid_sample(x, np.zeros((1, 1, 1, 2), "float32"))
    assert to_numpy(y).item() == 1.5


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"interpolation": "linear"}, r"Received: interpolation='linear'$"),
        ({"padding_mode": "same"}, r"Received: padding_mode='same'$"),
        ({"align_corners": 1}, r"Received: align_corners=1$"),
        ({"data_format": "NCHW"}, r"Received: data_format='NCHW'$"),
        ({"inputs": np.zeros((2, 3, 4))}, r"inputs.shape=\(2, 3, 4\)$"),
        ({"grid": np.zeros((2, 3, 4))}, r"grid.shape=\(2, 3, 4\)$"),
        ({"grid": np.zeros((2, 3, 4, 3))}, r"grid.shape=\(2, 3, 4, 3\)$"),
    ],
)
def test_invalid_arguments_raise(kwargs, match):
    good = {"inputs": np.zeros((1, 2, 2, 1)), "grid": np.zeros((1, 1, 1, 2))}
    with pytest.raises(ValueError, match=match):
        grid_sample(**{**good, **kwargs})
