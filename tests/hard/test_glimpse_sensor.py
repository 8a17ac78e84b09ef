import numpy as np

from autodiff import forward
from keras_attention import GlimpseSensor
from keras_attention.ops import extract_glimpses


def test_layer_has_no_weights():
    layer = GlimpseSensor()
    layer.build((None, 28, 28, 1), (None, 2))
    assert not layer.weights


def test_half_precision_reads_at_locations_of_float32(rng):
    images = rng.normal(size=(2, 2049, 3, 1)).astype("float16")
    # In float16 the second location would be 1, which is outside.
    locations = np.array([[0, 0.9995], [0, 0.9999]], "float32")
    layer = GlimpseSensor(1, dtype="float16")
    glimpses = forward(layer, images, locations)
    expected = extract_glimpses(images, locations, 1)
    np.testing.assert_array_equal(glimpses, np.asarray(expected))
    assert [float(glimpse) for glimpse in np.ravel(glimpses)] == [
        float(images[0, 2048, 1, 0]),
        float(images[1, 2048, 1, 0]),
    ]
