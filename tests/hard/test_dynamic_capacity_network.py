"""Tests of `DynamicCapacityNetwork`."""

import json

import keras
import numpy as np
import pytest
from keras import layers
from keras import ops

import references
from autodiff import BACKEND
from autodiff import FIT_MODES
from autodiff import float64
from autodiff import forward
from cases import DYNAMIC
from contract.case import assert_close
from contract.case import assert_same
from contract.case import flat
from contract.case import to_numpy
from keras_attention import DynamicCapacityNetwork
from keras_attention.hard import _patches
from native_forms import definition

LOSS = "sparse_categorical_crossentropy"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 9, 11, 2)).astype("float32")
Y = np.arange(8) % 3


def model(*, coarse=None, fine=None, top=None, **kwargs):
    """Return a network whose maps are 4 x 5, built for `X`."""
    kwargs = {"num_patches": 3, "patch_size": 3, "patch_stride": 2, **kwargs}
    network = DynamicCapacityNetwork(
        coarse or layers.Conv2D(4, 3, 2, activation="tanh"),
        fine or layers.Conv2D(4, 3, activation="tanh"),
        top or linear_top(),
        data_format="channels_last",
        **kwargs,
    )
    network.build(X.shape)
    return network


def linear_top(**kwargs):
    return keras.Sequential(
        [layers.Flatten(), layers.Dense(3, "softmax", **kwargs)]
    )


def stateful_top():
    """Return a top with statistics, dropout and an activity regularizer."""
    return keras.Sequential(
        [
            layers.BatchNormalization(momentum=0.5),
            layers.Dropout(0.3, seed=1),
            layers.Conv2D(5, 2, activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(3, "softmax", activity_regularizer="l2"),
        ]
    )


def fine_everywhere(network, images):
    """Return the map of the fine network at all positions."""
    rows = [
        np.stack(
            [
                to_numpy(network.fine(_window(images, i, j)))[:, 0, 0]
                for j in range(5)
            ],
            axis=1,
        )
        for i in range(4)
    ]
    return np.stack(rows, axis=1)


def _window(images, i, j):
    return images[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]


def convolve(filters, size, strides=1, **kwargs):
    """Return a convolution of the published configuration."""
    return [
        layers.Conv2D(filters, size, strides, use_bias=False),
        layers.BatchNormalization(scale=False, momentum=0.99, epsilon=1e-3),
        layers.ReLU(),
        *([layers.ZeroPadding2D(1)] if kwargs.get("pad") else []),
    ]


def test_parameters_are_those_of_the_common_implementation():
    coarse = [*convolve(12, 7, 2), *convolve(24, 3, 2)]
    fine = [
        *convolve(24, 3),
        *convolve(24, 3, pad=True),
        layers.MaxPooling2D(),
        *convolve(24, 3, pad=True),
        *convolve(24, 3, pad=True),
        layers.MaxPooling2D(),
        *convolve(24, 3),
    ]
    top = [
        *convolve(96, 4, 2),
        layers.GlobalMaxPooling2D(),
        layers.Dense(10, use_bias=False),
        layers.BatchNormalization(momentum=0.99, epsilon=1e-3),
        layers.Softmax(),
    ]
    network = DynamicCapacityNetwork(
        *map(keras.Sequential, (coarse, fine, top)),
        num_patches=24,
        patch_size=14,
        patch_stride=4,
        patch_offset=-1,
    )
    shape = (2, 100, 100, 1)
    network.build(shape)
    assert network.coarse.compute_output_shape(shape) == (2, 23, 23, 24)
    parts = (network.coarse, network.fine, network.top)
    counts = [
        sum(weight.size for weight in map(to_numpy, part.trainable_weights))
        for part in parts
    ]
    assert counts == [3_216, 21_072, 37_940]
    assert network.count_params() == 62_752
    assert network.compute_output_shape(shape) == (2, 10)


def test_saliency_of_a_linear_top_is_known():
    network = model()
    kernel = to_numpy(network.top.layers[1].kernel)
    maps = to_numpy(network.coarse(X))
    scores = maps.reshape(8, -1) @ kernel
    p = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    entropy = -(p * np.log(p)).sum(axis=-1, keepdims=True)
    gradients = (-p * (np.log(p) + entropy)) @ kernel.T
    expected = np.sqrt((gradients.reshape(maps.shape) ** 2).sum(axis=-1) + 1e-8)
    assert_close(network.attention(X)["saliency"], expected)


def test_positions_are_the_most_salient_in_order():
    attention = model(num_patches=20).attention(X)
    saliency, positions = map(
        to_numpy, (attention["saliency"], attention["positions"])
    )
    rows, columns = np.moveaxis(positions, -1, 0)
    found = saliency[np.arange(8)[:, None], rows, columns]
    assert (np.diff(found, axis=1) <= 0).all()
    assert [sorted(map(tuple, p)) for p in positions.tolist()] == [
        [(i, j) for i in range(4) for j in range(5)]
    ] * 8


def test_equally_salient_positions_are_in_row_major_order():
    top = keras.Sequential(
        [layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax")]
    )
    attention = model(top=top, num_patches=7).attention(X)
    first = [divmod(n, 5) for n in range(7)]
    assert_same(attention["positions"], np.array([first] * 8))


def test_refining_all_positions_equals_the_fine_network():
    network = model(num_patches=20)
    assert_close(network(X), network.top(fine_everywhere(network, X)))


def test_refining_with_the_coarse_network_changes_nothing():
    network = model()
    network.fine.set_weights(network.coarse.get_weights())
    assert_close(network(X), network.top(network.coarse(X)))
    network.compile("sgd", lambda y, p: 0 * ops.sum(p, axis=-1))
    history = network.fit(X, Y, verbose=0).history
    np.testing.assert_allclose(history["loss"], 0, atol=1e-8)


def test_patches_are_zero_outside():
    images = np.arange(1, 21, dtype="float32").reshape(1, 4, 5, 1)
    starts = ops.convert_to_tensor([[[-1, 3], [2, -7], [3, 4]]], "int32")
    patches = to_numpy(_patches.crop(images, starts, (2, 3)))
    expected = [[[0, 0, 0], [4, 5, 0]], [[0] * 3] * 2, [[20, 0, 0], [0] * 3]]
    assert_same(patches[..., 0], np.array(expected))


def weight_changes(network, **kwargs):
    """Return the changes of weights in a step of SGD, by network."""
    parts = ("coarse", "fine", "top")
    before = {p: getattr(network, p).get_weights() for p in parts}
    network.compile(keras.optimizers.SGD(1.0), **kwargs)
    loss = network.fit(X, Y, verbose=0).history["loss"][0]
    return loss, {
        part: [
            a - b
            for a, b in zip(
                before[part], getattr(network, part).get_weights(), strict=True
            )
        ]
        for part in parts
    }


def test_hint_trains_the_coarse_network_only():
    def step(**kwargs):
        keras.utils.set_random_seed(1)
        nothing = {"loss": lambda y, p: 0 * ops.sum(p, axis=-1)}
        return weight_changes(model(**kwargs), **nothing)

    keras.utils.set_random_seed(1)
    network = model()
    rows, columns = np.moveaxis(
        to_numpy(network.attention(X)["positions"]), -1, 0
    )
    index = (np.arange(8)[:, None], rows, columns)
    apart = to_numpy(network.coarse(X)) - fine_everywhere(network, X)
    hint = (apart[index] ** 2).sum(axis=-1).mean()

    loss, moved = step()
    np.testing.assert_allclose(loss, 0.01 * hint, rtol=1e-5)
    assert all(np.any(way != 0) for way in moved["coarse"])
    for part in ("fine", "top"):
        assert not any(np.any(way != 0) for way in moved[part])
    # The expected gradient of the bias of the coarse network.
    gradient = 2 * apart[index] * (1 - to_numpy(network.coarse(X))[index] ** 2)
    assert_close(moved["coarse"][1], 0.01 * gradient.sum((0, 1)) / 24, 1e-4)

    _, more = step(hint_weight=0.03)
    assert_close(more["coarse"], [3 * way for way in moved["coarse"]], 1e-4)
    _, none = step(hint_weight=0)
    assert not any(np.any(w != 0) for way in none.values() for w in way)


def test_cross_entropy_trains_all_three_networks():
    _, moved = weight_changes(model(hint_weight=0), loss=LOSS)
    assert all(np.any(w != 0) for way in moved.values() for w in way)


def test_evaluation_loss_is_the_cross_entropy():
    network = model(hint_weight=5)
    network.compile("sgd", LOSS)
    p = to_numpy(network(X))[np.arange(8), Y]
    loss = network.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(loss, -np.log(p).mean(), rtol=1e-5)
    assert network.losses == []


def test_statistics_update_once_per_step():
    """The top has statistics of refined maps, the fine network of patches."""
    fine = keras.Sequential(
        [
            layers.BatchNormalization(momentum=0.5),
            layers.Conv2D(4, 3, activation="tanh"),
        ]
    )
    network = model(top=stateful_top(), fine=fine, num_patches=20)
    network.attention(X)
    norms = (fine.layers[0], network.top.layers[0])
    for norm in norms:
        assert_same(norm.moving_mean, np.zeros(norm.moving_mean.shape))
    # In training the patches are normalized before the convolution.
    patches = np.stack(
        [_window(X, i, j) for i in range(4) for j in range(5)], axis=1
    ).reshape(-1, 3, 3, 2)
    seen = patches - patches.mean(axis=(0, 1, 2))
    seen /= np.sqrt(patches.var(axis=(0, 1, 2)) + 1e-3)
    vectors = to_numpy(fine.layers[1](seen))
    network(X, training=True)
    for norm, of in zip(norms, (patches, vectors), strict=True):
        mean, variance = of.mean(axis=(0, 1, 2)), of.var(axis=(0, 1, 2))
        assert_close(norm.moving_mean, mean / 2, 1e-4)
        assert_close(norm.moving_variance, (1 + variance) / 2, 1e-4)


@pytest.mark.parametrize("mode", FIT_MODES)
def test_top_with_state_trains(mode):
    network = model(top=stateful_top(), hint_weight=0)
    network.compile("sgd", LOSS, **FIT_MODES[mode])
    p = to_numpy(network(X))
    expected = -np.log(p[np.arange(8), Y]).mean()
    # The activity regularizer is counted once.
    (penalty,) = network.losses
    expected += to_numpy(penalty)
    loss = network.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    generator = network.top.layers[1].seed_generator
    before = to_numpy(generator.state).copy()
    history = network.fit(X, Y, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    increments = to_numpy(generator.state).astype("int64") - before
    assert increments.tolist() == [0, 2]


def toy(samples=192):
    """Return noise with one small cross or square at a random location."""
    rng = np.random.default_rng(1)
    images = rng.uniform(0, 0.2, size=(samples, 17, 17, 1))
    labels = rng.integers(0, 2, size=samples)
    shapes = np.array(
        [[[0, 1, 0], [1, 1, 1], [0, 1, 0]], [[1, 0, 1], [0, 1, 0], [1, 0, 1]]]
    )
    for image, label, (i, j) in zip(
        images, labels, rng.integers(0, 15, size=(samples, 2)), strict=True
    ):
        image[i : i + 3, j : j + 3, 0] += shapes[label]
    return images.astype("float32"), labels


def test_model_learns():
    images, labels = toy()
    keras.utils.set_random_seed(2)
    network = DynamicCapacityNetwork(
        layers.Conv2D(8, 5, 4, activation="relu"),
        keras.Sequential(
            [
                layers.Conv2D(16, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(8, 3, activation="relu"),
            ]
        ),
        keras.Sequential(
            [
                layers.Conv2D(16, 1, activation="relu"),
                layers.GlobalMaxPooling2D(),
                layers.Dense(2, "softmax"),
            ]
        ),
        num_patches=2,
        patch_size=8,
        patch_stride=4,
        patch_offset=-1,
        data_format="channels_last",
    )
    network.compile(keras.optimizers.Adam(0.01), LOSS, metrics=["accuracy"])
    history = network.fit(images, labels, epochs=25, verbose=0)
    assert history.history["accuracy"][-1] > 0.95
    # The patches are at the location of the shape.
    positions = to_numpy(network.attention(images)["positions"])[:, 0]
    bright = images[..., 0].reshape(len(images), -1).argmax(axis=-1)
    locations = np.stack(np.unravel_index(bright, (17, 17)), axis=-1)
    assert (
        np.mean(np.abs(4 * positions + 2 - locations).max(axis=-1) <= 5) > 0.9
    )


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            {"num_patches": 21},
            r"positions of the map, 4 x 5\. Received: num_patches=21$",
        ),
        (
            {"fine": layers.Conv2D(5, 3)},
            r"the map, 4\. Received: fine.output_shape=\(None, 1, 1, 5\)",
        ),
        ({"patch_size": 4}, r"Received: fine.output_shape=\(None, 2, 2, 4\)"),
        (
            {"fine": layers.Flatten()},
            r"rank 4\. Received: fine.output_shape=\(None, 18\)$",
        ),
    ],
)
def test_incompatible_networks_raise(kwargs, message):
    with pytest.raises(ValueError, match=message):
        model(**kwargs)


def test_too_small_maps_raise_at_run_time():
    network = DYNAMIC[1].layer()
    network.build((None, None, None, 2))
    with pytest.raises(ValueError, match="Received: num_patches=7"):
        network(np.zeros((1, 5, 4, 2)))


def test_unknown_sizes_are_accepted():
    functional = DYNAMIC[1].model(symbolic_sizes=True, return_attention=True)
    outputs, attention = functional.output
    assert outputs.shape == (None, 5)
    assert attention["saliency"].shape == (None, None, None)
    assert attention["positions"].shape == (None, 7, 2)
    for shape in ((2, 8, 8, 2), (3, 11, 6, 2)):
        inputs = DYNAMIC[1].inputs((shape,))
        found = functional.predict(inputs, verbose=0)
        assert_close(found, references.run(functional.layers[-1], inputs))


def test_integer_images_are_accepted():
    images = RNG.integers(0, 255, size=X.shape).astype("uint8")
    coarse, fine = (
        keras.Sequential([layers.Rescaling(1 / 255), convolution])
        for convolution in (layers.Conv2D(4, 3, 2), layers.Conv2D(4, 3))
    )
    network = model(coarse=coarse, fine=fine, patch_offset=-1)
    assert_close(network(images), network(images.astype("float32")))


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_honored(dtype):
    half = dtype.removeprefix("mixed_")
    case, inputs = DYNAMIC[0], DYNAMIC[0].inputs()
    outputs, attention = forward(
        case.generic(dtype=dtype), *inputs, return_attention=True
    )
    found = [outputs, attention["saliency"], attention["positions"]]
    dtypes = [keras.backend.standardize_dtype(a.dtype) for a in found]
    assert dtypes == [half, half, "int32"]
    # All positions are refined, as rounding may change the selection.
    every = {"num_patches": 12}
    close = forward(case.generic(dtype=dtype, **every), *inputs)
    single = forward(case.generic(**every), *inputs)
    assert_close(ops.cast(close, "float32"), single, 0.05)


def test_top_may_return_float32():
    network = model(top=linear_top(dtype="float32"), dtype="mixed_float16")
    for x in (X, keras.KerasTensor(X.shape)):
        outputs, attention = network(x, return_attention=True)
        dtypes = (outputs.dtype, attention["saliency"].dtype)
        found = [keras.backend.standardize_dtype(dtype) for dtype in dtypes]
        assert found == ["float32", "float16"]


def test_half_precision_trains():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = model()
    finally:
        keras.config.set_dtype_policy("float32")
    network.compile("adam", LOSS)
    loss = network.fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(loss).all()


def test_float64_is_honored():
    with float64():
        network = DYNAMIC[0].generic(dtype="float64")
        inputs = DYNAMIC[0].inputs(dtype="float64")
        outputs, attention = forward(network, *inputs, return_attention=True)
        found = flat([outputs, attention["saliency"]])
        expected, expected_attention = references.run(network, inputs)
    assert {a.dtype for a in found} == {np.dtype("float64")}
    # Keras computes means in float32 on JAX, and dense layers on PyTorch.
    tolerance = 1e-12 if BACKEND == "tensorflow" else 1e-6
    assert_close(found[0], expected, tolerance)
    assert_close(found[1], expected_attention["saliency"], 1e-6)


def test_model_and_optimizer_are_saved(tmp_path):
    network = model(top=stateful_top())
    network.compile("adam", LOSS, metrics=["accuracy"])
    network.fit(X, Y, verbose=0)
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is DynamicCapacityNetwork
    assert_same(loaded.predict(X, verbose=0), network.predict(X, verbose=0))
    assert_same(loaded.attention(X), network.attention(X))
    loaded.fit(X, Y, verbose=0)
    json.dumps(loaded.get_config())


def test_backends_without_gradients_raise():
    match = r"needs the Keras backend .* Received: keras.config.backend\(\)="
    with pytest.raises(NotImplementedError, match=match):
        definition("gradient")(ops.sum, ops.ones(2))
