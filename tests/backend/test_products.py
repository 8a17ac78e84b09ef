"""Products and normalization: native forms equal their definitions."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from autodiff import BACKEND
from autodiff import Calls
from autodiff import subset
from autodiff import vjp
from contract.case import assert_close
from keras_attention._utils import data_formats
from keras_attention.ops import reshaping
from native_forms import FUNCTIONS
from native_forms import definition


def compare(name, arrays, rng, half=True, **settings):
    """Compare a native form with its definition, values and gradients.

    With `half` also in float16, values only.
    """
    arrays = [x.astype("float32") for x in arrays]
    reference = _conv2d_by_last if name == "conv2d" else definition(name)
    forms = [
        functools.partial(_first, form, settings)
        for form in (FUNCTIONS[name], reference)
    ]
    cotangent = rng.normal(
        size=forms[1](*map(ops.convert_to_tensor, arrays)).shape
    )
    found, expected = (
        vjp(Calls(form), arrays, cotangent.astype("float32"))[:2]
        for form in forms
    )
    assert_close(found, expected)
    if half:
        arrays = [ops.cast(x, "float16") for x in arrays]
        found, expected = (form(*arrays) for form in forms)
        assert found.dtype == expected.dtype
        assert_close(found, expected, 2e-2)


def _conv2d_by_last(x, kernel, bias, *, data_format, **settings):
    """Convolve with the channels last.

    TensorFlow supports no other layout on CPUs without oneDNN.
    """
    x = reshaping.to_channels_last(x, data_format)
    outputs = ops.conv(x, kernel, data_format="channels_last", **settings)
    outputs = outputs if bias is None else outputs + bias
    return reshaping.from_channels_last(outputs, data_format)


def _first(form, settings, *arrays):
    found = form(*arrays, **settings)
    return found[0] if isinstance(found, tuple) else found


@pytest.mark.parametrize(
    ("axis", "shape"),
    [(-1, (7, 4)), (1, (3, 4, 5)), (1, (1, 4, 9)), (-1, (1, 9, 4))],
)
@pytest.mark.parametrize("name", ["batch_norm", "normalize"])
def test_normalization(name, axis, shape, rng):
    x = rng.normal(2, 3, size=shape)
    arrays = [x, *rng.uniform(0.5, 1, (2, 4))]
    settings = {"axis": axis, "epsilon": 1e-3}
    if name == "normalize":
        for statistic in ("mean", "variance"):
            new = ops.convert_to_tensor(rng.uniform(0.5, 1, 4), "float32")
            settings[statistic] = new
    compare(name, arrays, rng, half=False, **settings)
    if name == "batch_norm":
        arrays = [ops.convert_to_tensor(x, "float32") for x in arrays]
        found, expected = (
            form(*arrays, **settings)[1:]
            for form in (FUNCTIONS[name], definition(name))
        )
        assert_close(found, expected)


@pytest.mark.parametrize(
    ("axis", "shape"), [(-1, (7, 4)), (1, (7, 4)), (1, (3, 4, 5))]
)
def test_pointwise(axis, shape, rng):
    arrays = [rng.normal(size=size) for size in (shape, (4, 6), (6,))]
    compare("pointwise", arrays, rng, axis=axis)


@pytest.mark.parametrize(("axis", "shape"), [(-1, (3, 5, 4)), (1, (3, 4, 5))])
def test_pointwise_without_a_bias(axis, shape, rng):
    x, kernel = (rng.normal(size=size) for size in (shape, (4, 6)))
    found = FUNCTIONS["pointwise"](
        *(ops.convert_to_tensor(a, "float32") for a in (x, kernel)),
        None,
        axis=axis,
    )
    expected = np.moveaxis(np.moveaxis(x, axis, -1) @ kernel, -1, axis)
    assert_close(found, expected)


def test_depthwise_convolution_with_a_large_kernel(rng):
    """JAX computes small ones as sums of shifted maps, and not this one."""
    sizes = ((2, 12, 5, 3), (11, 2, 1, 3), (3,))
    arrays = [rng.normal(size=size) for size in sizes]
    settings = {"strides": 1, "padding": "same", "dilation_rate": 1}
    compare("conv2d", arrays, rng, data_format="channels_last", **settings)


@pytest.mark.parametrize(
    ("channels", "groups"), [(6, 1), (6, 2), (40, 10), (64, 2), (64, 64)]
)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_conv2d(channels, groups, padding, data_format, rng):
    shape = data_formats.shape_from_channels_last(
        (2, 6, 5, channels), data_format
    )
    x = rng.normal(size=shape)
    kernel = rng.normal(size=(3, 2, channels // groups, 2 * groups))
    settings = {
        "strides": (1, 1) if padding == "same" else (2, 2),
        "padding": padding,
        "dilation_rate": (2, 1) if padding == "same" else (1, 1),
        "data_format": data_format,
    }
    bias = rng.normal(size=2 * groups)
    compare("conv2d", [x, kernel, bias], rng, **settings)
    if channels == 6:
        settings["bias"] = None
        compare("conv2d", [x, kernel], rng, half=False, **settings)


@pytest.mark.parametrize("pads", [((1, 1), (2, 2)), ((1, 1), (0, 2))])
def test_strided_projections_of_padded_maps(pads, rng):
    """PyTorch skips pixels before them, as oneDNN would corrupt memory."""
    x = rng.normal(size=(2, 5, 6, 3)).astype("float32")
    kernel = rng.normal(size=(1, 1, 3, 4)).astype("float32")
    settings = {
        "strides": 2,
        "dilation_rate": 1,
        "data_format": "channels_last",
    }
    padded = np.pad(x, [(0, 0), *pads, (0, 0)])
    found, expected = (
        FUNCTIONS["conv2d"](
            *map(ops.convert_to_tensor, (maps, kernel)),
            None,
            padding=padding,
            **settings,
        )
        for maps, padding in ((x, pads), (padded, "valid"))
    )
    assert_close(found, expected)
    np.testing.assert_allclose(
        ops.convert_to_numpy(expected),
        padded[:, ::2, ::2] @ kernel[0, 0],
        rtol=1e-5,
        atol=1e-5,
    )


@pytest.mark.parametrize("strides", [2, (3, 1)])
@pytest.mark.parametrize("size", subset([(7, 8), (9, 6), (8, 5), (10, 7)], 2))
def test_same_padding_with_strides(size, strides, data_format, rng):
    x = rng.normal(
        size=data_formats.shape_from_channels_last((2, *size, 4), data_format)
    )
    for taps in subset([(3, 2), (1, 5), (2, 3), (1, 1)], 3):
        kernel = rng.normal(size=(*taps, 2, 6))
        settings = {
            "bias": None,
            "strides": strides,
            "padding": "same",
            "dilation_rate": 1,
            "data_format": data_format,
        }
        compare("conv2d", [x, kernel], rng, half=False, **settings)


def test_average_pool(rng):
    compare("average_pool", [rng.normal(size=(2, 6, 9, 4))], rng, factor=3)


@pytest.mark.parametrize("size", [(4, 5), (1, 2)])
def test_resizing(size, data_format, rng):
    x = rng.normal(
        size=data_formats.shape_from_channels_last((2, *size, 3), data_format)
    )
    compare("max_pool", [x], rng, data_format=data_format)
    for align_corners in (False, True):
        settings = {"align_corners": align_corners, "data_format": data_format}
        compare("resize_linear", [x], rng, size=(7, 3), **settings)


@pytest.mark.skipif(BACKEND != "torch", reason="others have no TorchScript")
@pytest.mark.filterwarnings("ignore:.torch.jit.trace.* is deprecated")
def test_max_pool_is_traced_for_all_sizes(rng):
    torch = pytest.importorskip("torch")
    x = torch.tensor(rng.normal(size=(2, 9, 8, 3)))

    def pool(x):
        return FUNCTIONS["max_pool"](x, data_format="channels_last")

    traced = torch.jit.trace(pool, x[:, :5, :7])
    for size in ((9, 8), (4, 5), (1, 2)):
        of_size = x[:, : size[0], : size[1]]
        np.testing.assert_array_equal(traced(of_size), pool(of_size))


@pytest.mark.skipif(BACKEND != "torch", reason="others have no TorchScript")
@pytest.mark.filterwarnings("ignore:.torch.jit.trace.* is deprecated")
def test_convolutions_are_traced_for_all_sizes(rng):
    torch = pytest.importorskip("torch")
    x = torch.tensor(rng.normal(size=(2, 9, 8, 4)))
    kernel = torch.tensor(rng.normal(size=(3, 2, 4, 5)))

    def convolve(x):
        return FUNCTIONS["conv2d"](
            x,
            kernel,
            None,
            strides=(2, 3),
            padding="same",
            dilation_rate=1,
            data_format="channels_last",
        )

    traced = torch.jit.trace(convolve, x[:, :5, :7])
    for size in ((9, 8), (4, 5), (1, 2)):
        of_size = x[:, : size[0], : size[1]]
        torch.testing.assert_close(traced(of_size), convolve(of_size))


def test_relu(rng):
    compare("relu", [rng.normal(size=(3, 4))], rng)


def test_lerp(rng):
    compare("lerp", rng.uniform(size=(3, 2, 4, 5)), rng)


def test_shapes_of_symbolic_tensors():
    for x in (ops.ones((2, 3)), keras.KerasTensor((2, 3)), np.ones((2, 3))):
        for form in (FUNCTIONS["reshape"], definition("reshape")):
            assert tuple(form(x, (3, -1)).shape) == (3, 2)


def test_definition_of_conv2d_convolves_in_groups(rng):
    x, kernel = (
        ops.convert_to_tensor(rng.normal(size=size), "float32")
        for size in ((2, 5, 4, 6), (3, 3, 2, 6))
    )
    settings = {"strides": 1, "padding": "same", "dilation_rate": 1}
    settings["data_format"] = "channels_last"
    found = definition("conv2d")(x, kernel, None, **settings)
    assert_close(found, ops.conv(x, kernel, **settings))
