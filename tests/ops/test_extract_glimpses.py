import numpy as np
import pytest
from keras import ops

import golden
from contract.case import assert_close
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import GlimpseSensor
from keras_attention.ops import extract_glimpses


def glimpses(images, locations, size, **kwargs):
    kwargs = {"data_format": "channels_last", **kwargs}
    images, locations = np.asarray(images), np.asarray(locations, "float32")
    return to_numpy(extract_glimpses(images, locations, size, **kwargs))


def test_golden(data_format):
    arrays = golden.load("glimpse_sensor")
    images = to_layout(arrays["x"], data_format)
    layer = GlimpseSensor(8, num_scales=3, data_format=data_format)
    outputs = to_numpy(layer(images, arrays["location"]))
    channels = -1 if data_format == "channels_last" else 2
    assert_close(outputs.squeeze(channels), arrays["glimpse"])


def test_x_goes_along_the_width_and_y_along_the_height():
    images = np.arange(4 * 8, dtype="float32").reshape(1, 4, 8, 1)
    for x, y, pixel in (
        (-1, -1, images[0, 0, 0, 0]),
        (0, 0, images[0, 2, 4, 0]),
        (0.75, -1, images[0, 0, 7, 0]),
        (-1, 0.5, images[0, 3, 0, 0]),
        (0.74, 0.49, images[0, 2, 6, 0]),
    ):
        assert glimpses(images, [[x, y]], 1).item() == pixel


def test_glimpses_of_odd_size_are_centered():
    images = np.arange(25, dtype="float32").reshape(1, 5, 5, 1)
    seen = glimpses(images, [[0, 0]], 3)[0, 0, ..., 0]
    np.testing.assert_array_equal(seen, images[0, 1:4, 1:4, 0])


def test_an_image_is_zero_outside():
    images = np.ones((1, 6, 6, 2), "float32")
    seen = glimpses(images, [[-1, 1]], 4)[0, 0]
    expected = np.zeros((4, 4, 2))
    expected[:2, 2:] = 1
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize(
    "coordinate", [np.nan, np.inf, -np.inf, 1e30, -1e30, 3.0]
)
def test_locations_outside_the_image_return_zeros(coordinate, data_format):
    # Pixels at the edge, where indices are clipped, must have no effect.
    images = np.full((1, 5, 5, 5), np.nan, "float32")
    for location in (
        (coordinate, 0),
        (0, coordinate),
        (coordinate, coordinate),
    ):
        seen = glimpses(
            images, [location], 2, num_scales=2, data_format=data_format
        )
        np.testing.assert_array_equal(seen, 0)


def test_half_precision_locations_are_upcast():
    images = np.arange(999, dtype="float32").reshape(1, 1, 999, 1)
    for coordinate in (0.3, 0.77):
        half = np.array([[coordinate, -1]], "float16")
        seen = to_numpy(
            extract_glimpses(images, half, 1, data_format="channels_last")
        )
        expected = np.floor((half[0, 0].astype("float64") + 1) * 999 / 2)
        assert seen.item() == expected


def test_integer_images_are_accepted():
    images = ops.ones((1, 4, 4, 1), dtype="uint8")
    layer = GlimpseSensor(2, data_format="channels_last")
    seen = layer(images, np.zeros((1, 2), "float32"))
    np.testing.assert_array_equal(to_numpy(seen), 1)


@pytest.mark.parametrize(
    ("images", "locations", "match"),
    [
        ((2, 5, 5), (2, 2), r"rank 4.*Received: images.shape=\(2, 5, 5\)"),
        ((2, 5, 5, 1), (2, 3), r"Received: locations.shape=\(2, 3\)"),
        ((2, 5, 5, 1), (4,), r"Received: locations.shape=\(4,\)"),
    ],
)
def test_invalid_shapes_raise(images, locations, match):
    with pytest.raises(ValueError, match=match):
        glimpses(np.zeros(images), np.zeros(locations), 2)


@pytest.mark.parametrize("name", ["size", "num_scales", "scale_factor"])
def test_invalid_arguments_raise(name):
    kwargs = {"size": 2, name: 1.5}
    with pytest.raises(ValueError, match=f"Received: {name}=1.5"):
        glimpses(np.zeros((1, 4, 4, 1)), np.zeros((1, 2)), **kwargs)
