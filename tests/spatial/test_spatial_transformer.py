"""Tests of `SpatialTransformer` beyond the contract."""

import json

import keras
import numpy as np
import pytest
from keras import layers

import golden
from autodiff import role
from autodiff import vjp
from contract.case import LAYOUTS
from contract.case import assert_close
from contract.case import assert_same
from contract.case import convolution
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import SpatialTransformer
from keras_attention import ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 6, 7, 3)).astype("float32")
PARAMETERS = {
    "affine": 6,
    "attention": 3,
    "translation": 2,
    "projective": 8,
    "tps": 32,
}
GOLDENS = {
    "stn_affine_bilinear_zeros_ac": {},
    "stn_affine_bilinear_border_ac": {"padding_mode": "border"},
    "stn_affine_bilinear_zeros_noac": {"align_corners": False},
    "stn_affine_nearest_zeros_ac": {"interpolation": "nearest"},
}


def localization(data_format="channels_last"):
    """Return a convolutional network, which preserves locations."""
    return keras.Sequential(
        [
            convolution(
                4, 3, strides=2, activation="relu", data_format=data_format
            ),
            keras.layers.BatchNormalization(
                -1 if data_format == "channels_last" else 1
            ),
            # More filters than columns: with equal numbers, Keras 3.15 adds a
            # channels-first bias along the columns on TensorFlow.
            convolution(3, 2, data_format=data_format),
        ],
        name="localization",
    )


def built(*, data_format="channels_last", **kwargs):
    network = localization(data_format)
    layer = SpatialTransformer(network, data_format=data_format, **kwargs)
    layer.build((None, *to_layout(X.shape, data_format)[1:]))
    return layer


@pytest.mark.parametrize("file", GOLDENS)
def test_golden(file, data_format):
    """One sample at a time, with its transform as the layer's bias."""
    arrays = golden.load(file)
    for index, theta in enumerate(arrays["theta"]):
        x, y, cotangent, dx = (
            arrays[key][index : index + 1]
            for key in ("x", "y", "cotangent", "dx")
        )
        x = to_layout(x, data_format)
        layer = SpatialTransformer(
            keras.layers.Flatten(), data_format=data_format, **GOLDENS[file]
        )
        layer.build(x.shape)
        layer.bias.assign(theta.ravel())
        outputs, (gradient,), gradients = vjp(
            layer, [x], to_layout(cotangent, data_format)
        )
        assert_close(layer.attention(x)[0], arrays["grid"][index])
        assert_close(to_last(outputs, data_format), y)
        assert_close(to_last(gradient, data_format), dx)
        dtheta = arrays.get("dtheta", np.zeros((2, 2, 3)))[index]
        assert_close(gradients["bias"].reshape(2, 3), dtheta)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("transform", PARAMETERS)
def test_starts_as_the_identity(transform, align_corners, data_format):
    layer = built(
        transform=transform,
        align_corners=align_corners,
        data_format=data_format,
        padding_mode="border",
    )
    x = to_layout(X, data_format)
    assert_close(layer(x), x)


@pytest.mark.parametrize("interpolation", ["nearest", "bicubic"])
def test_starts_as_the_identity_by_other_interpolations(interpolation):
    assert_close(built(interpolation=interpolation)(X), X)


def test_starts_as_the_identity_in_half_precision():
    """On a map whose locations half precision cannot represent."""
    x = RNG.normal(size=(1, 5, 300, 1)).astype("float16")
    layer = SpatialTransformer(
        keras.layers.GlobalMaxPooling2D(),
        dtype="mixed_float16",
        data_format="channels_last",
    )
    y = to_numpy(layer(x)).astype("float32")
    np.testing.assert_allclose(y, x.astype("float32"), atol=2e-3)


@pytest.mark.parametrize("transform", PARAMETERS)
def test_weights_are_named_for_their_roles(transform):
    layer = built(transform=transform)
    own = layer.weights[:2]
    assert [role(weight) for weight in own] == ["kernel", "bias"]
    features = 1 * 2 * 3
    count = PARAMETERS[transform]
    assert [tuple(w.shape) for w in own] == [(features, count), (count,)]
    network = layer.localization
    own = (features + 1) * count
    assert layer.count_params() == network.count_params() + own
    assert not to_numpy(layer.kernel).any()


def test_control_points_of_the_spline():
    assert built(transform="tps", control_points=3).bias.shape == (18,)


def test_positive_translation_samples_right_and_down():
    layer = built(transform="translation", padding_mode="border")
    layer.bias.assign([2 / 6, 4 / 5])  # a pixel, and two
    y = to_numpy(layer(X))
    assert_close(y[:, :-2, :-1], X[:, 2:, 1:])


def test_output_size_may_be_one_number():
    layer = built(output_size=4)
    assert layer.output_size == (4, 4)
    assert tuple(layer(X).shape) == (2, 4, 4, 3)


def test_weights_are_equal_in_both_data_formats():
    """Features are flattened channels last in both data formats."""
    last = built()
    weights = [RNG.normal(size=w.shape) / 2 for w in last.get_weights()]
    weights = [np.abs(weight) for weight in weights]  # of variances too
    outputs = []
    for layout in LAYOUTS:
        layer = built(data_format=layout)
        layer.set_weights(weights)
        outputs.append(to_last(layer(to_layout(X, layout)), layout))
    assert_close(outputs[1], outputs[0])


def test_localization_receives_the_training_mode():
    layer = built()
    norm = layer.localization.layers[1]
    before = to_numpy(norm.moving_mean).copy()
    layer(X, training=False)
    layer.attention(X)
    assert_same(norm.moving_mean, before)
    layer(X, training=True)
    assert np.any(to_numpy(norm.moving_mean) != before)


def test_gradients_of_a_convolutional_localization_equal_differences():
    layer = built(transform="translation", interpolation="bicubic")
    layer.kernel.assign(RNG.normal(size=layer.kernel.shape) / 10)
    cotangent = RNG.normal(size=X.shape).astype("float32")
    _, _, gradients = vjp(layer, [X], cotangent)
    kernel = layer.localization.layers[2].kernel
    gradient = gradients[role(kernel)]
    start = to_numpy(kernel).copy()
    direction = gradient / np.linalg.norm(gradient)

    def loss(step):
        kernel.assign(start + step * direction)
        return (to_numpy(layer(X)).astype("float64") * cotangent).sum()

    difference = (loss(0.01) - loss(-0.01)) / 0.02
    np.testing.assert_allclose(
        difference, np.linalg.norm(gradient), rtol=1e-2, atol=0
    )


def test_layer_learns_to_center_an_object():
    """A bright square at a random location is moved to the center."""
    x = np.zeros((64, 9, 9, 1), "float32")
    for image, (row, column) in zip(
        x, RNG.integers(0, 7, size=(64, 2)), strict=True
    ):
        image[row : row + 3, column : column + 3] = 1
    x = np.asarray(x + np.roll(x, 1, 1) + np.roll(x, 1, 2)) / 3
    target = np.zeros((64, 9, 9, 1), "float32")
    target[:, 3:6, 3:6] = 1
    layer = SpatialTransformer(
        keras.Sequential(
            [keras.layers.Flatten(), keras.layers.Dense(16, "tanh")]
        ),
        transform="translation",
        data_format="channels_last",
    )
    inputs = keras.Input((9, 9, 1))
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    history = model.fit(x, target, epochs=40, verbose=0, batch_size=64)
    losses = history.history["loss"]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(
    "make",
    [
        localization,
        keras.layers.Flatten,
        lambda: keras.layers.Dense(2),
        lambda: keras.layers.Conv2D(2, 3),
    ],
    ids=["model", "flatten", "dense", "convolution"],
)
@pytest.mark.parametrize("early", [True, False], ids=["built", "not built"])
def test_localization_may_be_any_layer(make, early, tmp_path):
    network = make()
    if early:
        network.build((None, *X.shape[1:]))
    layer = SpatialTransformer(network, data_format="channels_last")
    json.dumps(layer.get_config())
    inputs = keras.Input(X.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    for weight in model.trainable_weights:
        weight.assign(RNG.normal(size=weight.shape) / 4)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1].localization) is type(network)
    assert_same(loaded(X), model(X))
    again = SpatialTransformer.from_config(layer.get_config())
    assert again.localization is not network


@pytest.mark.parametrize("network", [keras.layers.Flatten, localization])
def test_size_of_the_features_must_be_known(network):
    match = r"known size\. Received: localization.output_shape=\(None, .*\)$"
    with pytest.raises(ValueError, match=match):
        SpatialTransformer(network(), data_format="channels_last").build(
            (None, None, None, 3)
        )


def test_parameters_are_computed_in_float64(rng):
    """Keras' matrix products on PyTorch narrow float64."""
    if keras.config.backend() == "jax":
        pytest.skip("JAX has no float64 unless it is enabled for the process")
    x = rng.normal(size=(2, 3, 4, 2))
    layer = SpatialTransformer(
        layers.Flatten(dtype="float64"),
        transform="projective",
        dtype="float64",
        data_format="channels_last",
    )
    layer.build(x.shape)
    layer.set_weights([rng.normal(0, 0.1, w.shape) for w in layer.weights])
    kernel, bias = layer.get_weights()
    parameters = x.reshape(2, -1) @ kernel + bias
    parameters = np.concatenate([parameters, np.ones((2, 1))], 1)
    grid = ops.projective_grid(parameters.reshape(2, 3, 3), (3, 4))
    assert_close(to_numpy(layer.attention(x)), to_numpy(grid), 1e-12)
