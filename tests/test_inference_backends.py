"""Predictions on Keras' NumPy and OpenVINO backends, without gradients.

`tox run -e numpy` and `tox run -e openvino` run this. The numbers are those of
the reference implementations in `tests/references`.
"""

import keras
import numpy as np
import pytest

import cases
import keras_attention
import native_forms
import references
from contract.case import LAYOUTS
from contract.case import assert_close
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention.ops import products
from parity.generated import FUNCTIONS
from parity.generated import generated
from stress.generated import expected

BACKEND = keras.config.backend()
# The saliency of a dynamic capacity network is a gradient, and a prediction of
# several runs uses random numbers.
CASES = [
    case
    for case in cases.CASES + cases.GLIMPSES + cases.RECURRENT
    if case.kwargs.get("monte_carlo_samples", 1) == 1
]
# Rounding of float32, of sums in another order.
TOLERANCE = 1e-5


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_layers_compute_the_reference(case, layout):
    inputs = case.inputs()
    layer = case.generic(data_format=layout)
    moved = [to_layout(x, layout) if x.ndim > 2 else x for x in inputs]
    right, attention = references.run(layer, inputs)
    if attention is None or case not in cases.CASES:
        found = layer(*moved)
    else:
        found, weights = layer(*moved, return_attention=True)
        assert_close(
            case.attention_to_last(weights, layout), attention, TOLERANCE
        )
    found = to_numpy(found)
    if layout == "channels_first" and found.ndim > 2:
        sensor = case.layer_cls.__name__ == "GlimpseSensor"
        found = np.moveaxis(found, 2 if sensor else 1, -1)
    assert_close(found, right, TOLERANCE)


@pytest.mark.parametrize("index", range(6))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_compute_the_reference(name, index):
    case = generated(name, index)
    layer, inputs = case.layer(), case.inputs()
    moved = case.source.to_layout(inputs)
    found = layer(*map(keras.ops.convert_to_tensor, moved))
    right = expected(layer, [np.asarray(x, "float64") for x in inputs])
    assert_close(case.source.back(found), right, TOLERANCE)


def behind_a_convolution(x):
    """Return `x`, channels on axis 1, in the layout of a convolution."""
    convolved = keras.ops.conv(
        x[:, :, None],
        np.eye(x.shape[1], dtype="float32")[None, None],
        data_format="channels_first",
    )
    return keras.ops.squeeze(convolved, 2)


def pointwise(x, kernel, bias):
    found = products.pointwise(behind_a_convolution(x), kernel, bias, axis=1)
    return found, np.einsum("bcn,cd->bdn", x, kernel) + bias[:, None]


def pointwise_twice(x, kernel, bias):
    found = behind_a_convolution(x)
    for _ in range(2):
        found = keras.ops.relu(found)
        found = products.pointwise(found, kernel, bias, axis=1)
        x = np.einsum("bcn,cd->bdn", np.maximum(x, 0), kernel)
        x = x + bias[:, None]
    return found, x


def grouped_dense(x, kernel, bias):
    means = keras.ops.mean(behind_a_convolution(x), axis=2)
    found = products.grouped_dense(means, kernel[:4], bias, groups=2)
    halves = np.split(x.mean(2), 2, axis=1)
    right = [
        half @ part
        for half, part in zip(
            halves, np.split(kernel[:4], 2, axis=1), strict=True
        )
    ]
    return found, np.concatenate(right, axis=1) + bias


def pairs(x, kernel, bias):
    query, key = (
        products.pointwise(behind_a_convolution(x), k, bias[:2], axis=1)
        for k in (kernel[:, :2], kernel[:, 2:4])
    )
    found = products.matmul(keras.ops.swapaxes(query, 1, 2), key)
    query, key = (
        np.einsum("bcn,cd->bdn", x, k) + bias[:2, None]
        for k in (kernel[:, :2], kernel[:, 2:4])
    )
    return found, query.swapaxes(1, 2) @ key


@pytest.mark.parametrize(
    "product", [pointwise, pointwise_twice, grouped_dense, pairs]
)
def test_products_behind_a_convolution(product, rng):
    """OpenVINO computes these wrongly as `keras.ops` writes them."""
    arrays = [
        rng.normal(size=size).astype("float32")
        for size in ((3, 8, 42), (8, 8), (8,))
    ]
    found, right = product(*arrays)
    assert_close(found, right, TOLERANCE)


@pytest.mark.skipif(
    keras.config.backend() not in ("numpy", "openvino"),
    reason="`tests/backend` compares those of backends that have gradients.",
)
def test_every_native_form_is_compared():
    assert set(native_forms.NAMES) <= {
        "grouped_dense",
        "matmul",
        "pointwise",
    }


@pytest.mark.parametrize(
    "case", {case.layer_cls: case for case in CASES}.values(), ids=str
)
def test_files_are_loaded(case, tmp_path):
    model, inputs = case.model(), case.inputs()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_close(loaded.predict(inputs, verbose=0), model(inputs), TOLERANCE)


def classifier():
    """Return a small network of any image size."""
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(8, 3, padding="same"),
            keras_attention.CBAM(2, spatial_norm=True, name="cbam"),
            keras_attention.DeformableConv2D(8),
            keras_attention.SqueezeExcite(2, name="se"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4),
        ]
    )
    return cases.CASES[0].randomized(model)


@pytest.fixture
def images(rng):
    return rng.normal(size=(5, 9, 8, 3)).astype("float32")


def test_predictions_of_batches_and_sizes(images):
    model = classifier()
    for batch in (images, images[:, :6, :7]):
        found = model.predict(batch, batch_size=2, verbose=0)
        assert_close(found, model(batch), TOLERANCE)


def test_attention_maps_are_those_of_the_layers(images):
    model = classifier()
    found = keras_attention.attention_maps(model, images, batch_size=2)
    features = model.layers[0](images)
    assert_close(
        found["cbam"], model.get_layer("cbam").attention(features), TOLERANCE
    )
    before_se = keras.Sequential(model.layers[:3])(images)
    assert_close(
        found["se"], model.get_layer("se").attention(before_se), TOLERANCE
    )


def test_attached_layers_start_as_the_identity(images):
    model = classifier()
    with pytest.warns(UserWarning, match="already has 2 attention gates"):
        upgraded = keras_attention.attach(
            model, keras_attention.GatedChannelTransform(), where=["se"]
        )
    assert len(upgraded.weights) > len(model.weights)
    assert_close(upgraded(images), model(images), TOLERANCE)


def test_weights_are_loaded_before_the_first_prediction(images, tmp_path):
    """Keras' OpenVINO backend keeps the weights of the first `predict`."""
    trained = classifier()
    trained.save_weights(tmp_path / "model.weights.h5")
    model = keras.models.clone_model(trained)
    stale = model.predict(images, verbose=0)
    model.load_weights(tmp_path / "model.weights.h5")
    expected = trained.predict(images, verbose=0)
    assert np.abs(stale - expected).max() > 0.1 * np.abs(expected).max()
    # The workaround of the guide.
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    assert_close(copy.predict(images, verbose=0), expected, TOLERANCE)


needs_no_gradients = pytest.mark.skipif(
    BACKEND in ("jax", "tensorflow", "torch"),
    reason="This backend has gradients.",
)


@needs_no_gradients
def test_what_needs_gradients_raises(images):
    case = cases.DYNAMIC[0]
    with pytest.raises(NotImplementedError, match="needs the Keras backend"):
        case.generic()(*case.inputs())
    model = classifier()
    with pytest.raises(NotImplementedError, match="needs the Keras backend"):
        keras_attention.grad_cam(model, images)
    model.compile("sgd", "mse")
    with pytest.raises(NotImplementedError, match="fit"):
        model.fit(images, np.zeros((5, 4)), verbose=0)
