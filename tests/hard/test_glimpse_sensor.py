"""Tests of `GlimpseSensor`, and of the inputs of the glimpse layers."""

import keras
import numpy as np
import pytest

import references
from autodiff import vjp
from cases import GLIMPSES
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import GlimpseSensor


@pytest.mark.parametrize("dtype", ["float16", "mixed_float16"])
def test_float16_does_not_overflow(dtype):
    images = np.full((1, 64, 64, 2), 1000, "float16")
    locations = np.zeros((1, 2), "float16")
    layer = GlimpseSensor(4, num_scales=4, dtype=dtype)
    np.testing.assert_array_equal(to_numpy(layer(images, locations)), 1000)


@pytest.mark.parametrize("case", GLIMPSES, ids=str)
def test_invalid_inputs_raise(case):
    images, locations = case.shapes
    with pytest.raises(ValueError, match=r"known size .*Received: "):
        case.layer().build((*images[:-1], None), locations)
    for wrong in ((3, 3), (3,), (3, 1, 2)):
        with pytest.raises(ValueError, match=r"\(batch, 2\).*Received: "):
            case.layer().build(images, wrong)
    with pytest.raises(ValueError, match="ndim"):
        case.layer()(np.zeros((3, 8)), np.zeros(locations))


def test_gradient_of_sensor_images_equals_the_reference(data_format):
    case = GLIMPSES[1]
    images, locations = case.inputs()
    cotangent = case.cotangent()
    layer = case.layer(data_format=data_format)
    fixed = keras.layers.Lambda(lambda x: layer(x, locations))
    if data_format == "channels_first":
        cotangent = np.moveaxis(cotangent, -1, 2)
    _, (gradient,), _ = vjp(fixed, [to_layout(images, data_format)], cotangent)
    gradient = to_last(gradient, data_format)
    # The layer is linear in the images.
    for pixel in ((0, 4, 3, 1), (1, 0, 6, 0), (2, 8, 0, 1)):
        one = np.zeros_like(images)
        one[pixel] = 1
        expected = (
            references.run(layer, [one, locations])[0] * case.cotangent()
        ).sum()
        np.testing.assert_allclose(gradient[pixel], expected, atol=1e-5)


def test_half_precision_reads_at_locations_of_float32(rng):
    images = rng.normal(size=(2, 2049, 3, 1)).astype("float16")
    # In float16 the second location would be 1, which is outside.
    locations = np.array([[0, 0.9995], [0, 0.9999]], "float32")
    glimpses = to_numpy(GlimpseSensor(1, dtype="float16")(images, locations))
    np.testing.assert_array_equal(glimpses.ravel(), images[:, 2048, 1, 0])
