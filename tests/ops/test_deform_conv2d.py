"""`deform_conv2d`: values, gradients and sampling locations."""

import types

import keras
import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import subset
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention.ops import deform_conv2d
from references import deformable

SETTINGS = [
    {"kernel_size": (3, 3), "padding": "same"},
    {"kernel_size": (3, 2), "padding": (1, 2), "strides": (2, 1), "groups": 2},
    {"kernel_size": (2, 3), "padding": "valid", "dilation_rate": (1, 2)},
    {
        "kernel_size": (3, 3),
        "padding": "same",
        "strides": (3, 2),
        "dilation_rate": (2, 1),
        "groups": 4,
        "offset_groups": 2,
    },
    {"kernel_size": (1, 3), "padding": 1, "strides": 2, "offset_groups": 8},
]
ALL_SETTINGS = pytest.mark.parametrize("settings", SETTINGS, ids=str)


class Function(keras.layers.Layer):
    """`deform_conv2d` as a layer, which `autodiff.vjp` can differentiate."""

    def __init__(self, **settings):
        super().__init__()
        self.built = True
        self.settings = settings

    def call(self, x, offsets, kernel, mask=None, bias=None, training=None):
        return deform_conv2d(
            x, offsets, kernel, mask=mask, bias=bias, **self.settings
        )


def reference(settings, x, offsets, kernel, mask, bias):
    """Return the equation in float64."""

    def pair(value):
        return (value, value) if isinstance(value, int) else value

    layer = types.SimpleNamespace(
        strides=pair(settings.get("strides", 1)),
        dilation_rate=pair(settings.get("dilation_rate", 1)),
        padding=pair(settings["padding"]),
        offset_groups=settings.get("offset_groups", 1),
    )
    frame = deformable.window_frame(x.shape[1:3], kernel.shape[:2], layer)
    return bias + deformable.convolution(
        x, kernel, layer, frame, offsets=offsets, mask=mask
    )


def tensors(settings):
    """Return random tensors of the sizes that the settings need."""
    rng = np.random.default_rng(0)
    kernel_height, kernel_width = settings["kernel_size"]
    groups = settings.get("groups", 1)
    taps = settings.get("offset_groups", 1) * kernel_height * kernel_width
    x = rng.normal(size=(2, 6, 7, 8))
    kernel = rng.normal(size=(kernel_height, kernel_width, 8 // groups, 4))
    size = plain(settings, x, kernel).shape[1:3]
    offsets = rng.normal(size=(2, *size, 2 * taps)) * 1.5
    mask = rng.uniform(size=(2, *size, taps))
    arrays = (x, offsets, kernel, mask, rng.normal(size=4))
    return [array.astype("float32") for array in arrays]


def plain(settings, x, kernel):
    """Return an ordinary convolution, computed for each group."""
    padding = settings["padding"]
    if not isinstance(padding, str):
        rows, columns = (padding,) * 2 if padding == 1 else padding
        x = np.pad(x, ((0, 0), (rows, rows), (columns, columns), (0, 0)))
        padding = "valid"
    # Separately, as TensorFlow cannot differentiate some grouped convolutions.
    groups = x.shape[-1] // kernel.shape[2]
    x = np.split(x, groups, axis=-1)
    kernel = np.split(kernel, groups, axis=-1)
    strides = settings.get("strides", 1)
    dilation = settings.get("dilation_rate", 1)
    if max(np.ravel(strides)) > 1 and max(np.ravel(dilation)) > 1:
        # Keras does not support both: dilate the kernel with zeros instead.
        kernel = [dilated(part, dilation) for part in kernel]
        dilation = 1
    return np.concatenate(
        [
            to_numpy(
                keras.ops.conv(
                    part.astype("float32"),
                    weights.astype("float32"),
                    strides=strides,
                    padding=padding,
                    dilation_rate=dilation,
                    data_format="channels_last",
                )
            )
            for part, weights in zip(x, kernel, strict=True)
        ],
        axis=-1,
    )


def dilated(kernel, dilation):
    kernel_height, kernel_width = kernel.shape[:2]
    rows, columns = dilation
    shape = ((kernel_height - 1) * rows + 1, (kernel_width - 1) * columns + 1)
    outputs = np.zeros((*shape, *kernel.shape[2:]))
    outputs[::rows, ::columns] = kernel
    return outputs


def in_layout(arrays, data_format):
    """Return inputs, offsets, kernel, mask and bias in a layout."""
    moved = (0, 1, 3)
    return [
        to_layout(array, data_format) if i in moved else array
        for i, array in enumerate(arrays)
    ]


def function(settings, data_format="channels_last"):
    settings = {k: v for k, v in settings.items() if k != "kernel_size"}
    return Function(**settings, data_format=data_format)


@pytest.mark.parametrize("file", ["deform_conv_v1", "deform_conv_v2"])
def test_golden(file, data_format):
    arrays = golden.load(file)
    mask = arrays.get("mask")
    outputs = deform_conv2d(
        to_layout(arrays["x"], data_format),
        to_layout(arrays["offset"], data_format),
        golden.conv(arrays["w/weight"]),
        mask=None if mask is None else to_layout(mask, data_format),
        bias=arrays["w/bias"],
        padding=1,
        data_format=data_format,
    )
    assert_close(to_last(outputs, data_format), arrays["y"])


@pytest.mark.parametrize(
    ("settings", "data_format"),
    [
        *[(settings, "channels_last") for settings in SETTINGS],
        *[(settings, "channels_first") for settings in subset(SETTINGS)],
    ],
    ids=str,
)
@BOTH_WAYS
def test_gradients_are_those_of_the_equation(settings, data_format, compiled):
    arrays = tensors(settings)
    point = [array.astype("float64") for array in arrays]
    expected = reference(settings, *point)
    rng = np.random.default_rng(1)
    cotangent = rng.normal(size=expected.shape).astype("float32")
    outputs, gradients, _ = vjp(
        function(settings, data_format),
        in_layout(arrays, data_format),
        to_layout(cotangent, data_format),
        compiled=compiled,
    )
    assert_close(to_last(outputs, data_format), expected)
    step = 1e-6
    for index, gradient in enumerate(gradients):
        if index in (0, 1, 3):
            gradient = to_last(gradient, data_format)
        v = rng.normal(size=gradient.shape)
        rise = sum(
            sign
            * reference(
                settings,
                *[
                    a + sign * step * v if i == index else a
                    for i, a in enumerate(point)
                ],
            )
            for sign in (1, -1)
        )
        expected_gradient = (rise * cotangent).sum() / (2 * step)
        scale = np.linalg.norm(gradient) * np.linalg.norm(v)
        assert abs((gradient * v).sum() - expected_gradient) <= 1e-5 * scale, (
            index
        )


@ALL_SETTINGS
def test_zero_offsets_compute_a_convolution(settings):
    x, offsets, kernel, _, _ = tensors(settings)
    outputs = function(settings)(x, 0 * offsets, kernel)
    assert_close(outputs, plain(settings, x, kernel))


def test_gradient_at_whole_pixels_is_toward_the_next_pixel():
    x = np.array([1.0, 2, 4, 8], "float32").reshape(1, 1, 4, 1)
    offsets = np.zeros((1, 1, 4, 2), "float32")
    kernel = np.ones((1, 1, 1, 1), "float32")
    _, (_, gradient, _), _ = vjp(
        Function(data_format="channels_last"),
        [x, offsets, kernel],
        np.ones((1, 1, 4, 1), "float32"),
    )
    assert gradient[0, 0, :, 1].tolist() == [1, 2, 4, -8]
    assert gradient[0, 0, :, 0].tolist() == [-1, -2, -4, -8]


def test_samples_fade_to_zero_within_one_pixel_outside():
    x = np.full((1, 1, 1, 1), 4, "float32")
    dy = [-1.5, -1, -0.75, -0.25, 0, 0.25, 0.75, 1, 1.5]
    for axis in (0, 1):
        for move, share in zip(dy, [0, 0, 1, 3, 4, 3, 1, 0, 0], strict=True):
            offsets = np.zeros((1, 1, 1, 2), "float32")
            offsets[..., axis] = move
            y = deform_conv2d(
                x, offsets, np.ones((1, 1, 1, 1)), data_format="channels_last"
            )
            assert to_numpy(y).item() == share


FIRST = function(
    SETTINGS[0]
)  # the same function in all tests, so that JAX compiles it once
FAR = (np.inf, -np.inf, 3e38, -3e38, 1e30, 1e9, -1e9, 2**31)


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("axis", [0, 1])
def test_far_locations_are_zero_and_not_read(far, axis):
    x, offsets, kernel, mask, bias = tensors(SETTINGS[0])
    offsets[0, 2, 3, axis] = far
    mask[0, 2, 3, 0] = 0 if np.isfinite(far) else 1
    arrays = [x, offsets, kernel, mask, bias]
    outputs, gradients, _ = vjp(FIRST, arrays, np.ones((2, 6, 7, 4), "float32"))
    for array in (outputs, *gradients):
        assert np.isfinite(array).all()
    assert not gradients[1][0, 2, 3, :2].any()
    offsets[0, 2, 3, axis] = 100
    assert_close(outputs, FIRST(*arrays))


@pytest.mark.parametrize("axis", [0, 1])
def test_nan_location_makes_its_output_nan(axis):
    x, offsets, kernel, mask, bias = tensors(SETTINGS[0])
    offsets[0, 2, 3, axis] = np.nan
    outputs = to_numpy(FIRST(x, offsets, kernel, mask, bias))
    assert np.isnan(outputs[0, 2, 3]).all()
    assert np.isfinite(np.delete(outputs.reshape(-1, 4), 17, 0)).all()


def test_half_precision_samples_at_float32_locations():
    """Half precision cannot represent locations at the end of a long line."""
    x = np.arange(4098, dtype="float32").reshape(1, 1, -1, 1) % 2
    offsets = np.zeros((1, 1, 4098, 2), "float16")
    y = deform_conv2d(
        x.astype("float16"),
        offsets,
        np.ones((1, 1, 1, 1), "float16"),
        data_format="channels_last",
    )
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    assert to_numpy(y).ravel().tolist() == x.ravel().tolist()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"inputs": np.ones((6, 7, 8))}, r"`inputs` must have rank 4"),
        ({"kernel": np.ones((3, 3, 8))}, r"`kernel` must have shape"),
        ({"kernel": np.ones((3, 3, 4, 4))}, r"`kernel` must have shape"),
        ({"kernel": np.ones((3, 3, 4, 3)), "groups": 2}, "`kernel` must have"),
        ({"groups": 0}, "`groups` must be a positive integer"),
        ({"offset_groups": 3}, r"must be a multiple of `offset_groups` \(3\)"),
        ({"offset_groups": 2}, r"`offsets` must have 36 channels"),
        (
            {"offsets": np.ones((2, 6, 6, 18))},
            r"`offsets` must have .*\(6, 7\)",
        ),
        ({"mask": np.ones((2, 6, 7, 18))}, r"`mask` must have 9 channels"),
        ({"strides": 2}, r"spatial size \(3, 4\)"),
        ({"strides": (1, 2, 3)}, "`strides` must be one or two positive"),
        ({"dilation_rate": 0}, "`dilation_rate` must be one or two positive"),
        ({"padding": "full"}, "`padding` must be 'valid', 'same' or"),
    ],
)
def test_incompatible_shapes_raise(change, match):
    arguments = {
        "inputs": np.ones((2, 6, 7, 8)),
        "offsets": np.ones((2, 6, 7, 18)),
        "kernel": np.ones((3, 3, 8, 4)),
        "padding": "same",
        "data_format": "channels_last",
    }
    with pytest.raises(ValueError, match=match) as error:
        deform_conv2d(**{**arguments, **change})
    assert "Received: " in str(error.value)
