import json

import keras
import numpy as np
import pytest
from keras import ops

import references
from autodiff import BACKEND
from autodiff import float64
from autodiff import loss_gradients
from autodiff import role
from autodiff import subset
from cases import RECURRENT
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import RecurrentAttention
from keras_attention.hard._rollout import StepCache

LOSS = "sparse_categorical_crossentropy"
PARTS = {
    "locator": ("locator", "locator_hidden"),
    "baseline": ("baseline",),
    "rest": ("glimpse", "core_input", "core_state", "classifier"),
}


def toy(samples=128):
    """Return dark and bright images, and their labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, size=samples)
    images = rng.uniform(0, 0.2, size=(samples, 8, 8, 1)).astype("float32")
    images += labels[:, None, None, None].astype("float32")
    return images, labels


def model(**kwargs):
    kwargs = {"num_glimpses": 3, "glimpse_size": 4, "units": 16, **kwargs}
    kwargs = {"glimpse_units": 8, "location_units": 8, "seed": 1, **kwargs}
    return RecurrentAttention(2, data_format="channels_last", **kwargs)


def part_of(weight):
    name = role(weight).partition("/")[0]
    (part,) = (part for part, names in PARTS.items() if name in names)
    return part


def test_parameters_are_those_of_the_common_implementation():
    ram = RecurrentAttention(10)
    ram.build((None, 28, 28, 1))
    assert ram.count_params() == 242_317


def test_prediction_equals_the_reference(data_format):
    case = RECURRENT[1]
    layer = case.generic(data_format=data_format)
    images = case.inputs()
    moved = to_layout(images[0], data_format)
    expected, locations = references.run(layer, images)
    assert_close(layer(moved), expected)
    assert_close(layer.locations(moved), locations)
    np.testing.assert_array_equal(locations[:, 0], 0)
    assert layer.compute_output_shape(moved.shape) == expected.shape


def test_prediction_in_float64_equals_the_reference():
    with float64():
        case = RECURRENT[1]
        layer, inputs = case.generic(dtype="float64"), case.inputs()
        outputs, locations = layer(*inputs), layer.locations(*inputs)
        for found in (outputs, locations):
            assert keras.backend.standardize_dtype(found.dtype) == "float64"
        # Keras' dense layers compute in float32 on PyTorch.
        tolerance = 1e-5 if BACKEND == "torch" else 1e-12
        assert_close(
            (outputs, locations), references.run(layer, inputs), tolerance
        )


def test_locations_build_the_model():
    images, _ = toy(3)
    assert model().locations(images).shape == (3, 3, 2)


def test_prediction_depends_on_pixels_at_its_locations():
    images = np.random.default_rng(0).uniform(size=(2, 8, 8, 1))
    ram = model()
    ram.build(images.shape)
    ram.set_weights([w + 0.1 for w in ram.get_weights()])
    base = to_numpy(ram(images))
    column, row = np.floor(4 * (1 + to_numpy(ram.locations(images))[0, 1]))
    row, column = int(min(row, 7)), int(min(column, 7))
    changed = images.copy()
    changed[0, row, column] += 1
    assert np.any(to_numpy(ram(changed))[0] != base[0])
    assert_same(to_numpy(ram(changed))[1], base[1])


@pytest.mark.parametrize("samples", [1, 3])
def test_model_learns(samples):
    keras.utils.set_random_seed(3)
    images, labels = toy()
    ram = model(monte_carlo_samples=samples)
    ram.compile(keras.optimizers.Adam(0.01), LOSS, metrics=["accuracy"])
    history = ram.fit(images, labels, epochs=6, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    loss, accuracy = ram.evaluate(images, labels, verbose=0)
    assert accuracy > 0.95
    assert loss < 0.4


def test_seeded_rollouts_are_reproducible():
    images, labels = toy(32)
    histories, predictions = [], []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        ram = model(monte_carlo_samples=2, seed=7)
        ram.compile("adam", LOSS, metrics=["accuracy"])
        history = ram.fit(images, labels, epochs=2, verbose=0, shuffle=False)
        histories.append(history.history)
        predictions.append(ram.predict(images, verbose=0))
    assert histories[0] == histories[1]
    assert_same(*predictions)


def test_several_rollouts_are_sampled_and_averaged():
    images, _ = toy(16)
    images += np.random.default_rng(0).uniform(size=images.shape)
    many = model(monte_carlo_samples=4)
    first, second = (to_numpy(many(images[:4])) for _ in range(2))
    assert np.any(first != second)
    np.testing.assert_allclose(first.sum(axis=-1), 1, atol=1e-5)
    assert many._rollout(images[:4], sampled=True).locations.shape == (4, 3, 2)
    one = model()
    assert_same(one(images), one(images))
    assert np.any(to_numpy(one(images, training=True)) != one(images))


def test_locations_have_the_documented_distribution():
    images = np.zeros((2000, 4, 4, 1), "float32")
    ram = model(location_stddev=0.1, num_glimpses=2)
    ram.build(images.shape)
    rollouts = ram._rollout(images, sampled=True)
    locations = to_numpy(rollouts.locations)
    assert np.abs(locations).max() <= 1
    # First locations are uniform, later ones normal around the mean, which is 0
    # for zero weights.
    np.testing.assert_allclose(locations[:, 0].mean(), 0, atol=0.05)
    np.testing.assert_allclose(locations[:, 0].var(), 1 / 3, atol=0.03)
    ram.set_weights([np.zeros(w.shape) for w in ram.weights])
    locations = to_numpy(ram._rollout(images, sampled=True).locations)
    np.testing.assert_allclose(locations[:, 1].std(), 0.1, atol=0.01)
    logs = to_numpy(ram._rollout(images, sampled=False).log_probabilities)
    np.testing.assert_allclose(logs, -np.log(2 * np.pi * 0.01), rtol=1e-5)


def test_first_locations_are_sampled_with_start_uniform():
    images = np.random.default_rng(0).uniform(size=(200, 8, 8, 1))
    ram = model(start="uniform")
    first, second = (to_numpy(ram.locations(images)) for _ in range(2))
    assert np.any(first[:, 0] != second[:, 0])
    np.testing.assert_allclose(first[:, 0].var(), 1 / 3, atol=0.05)
    assert np.any(to_numpy(ram(images)) != to_numpy(ram(images)))
    # After it, a rollout follows the means, as it does with the same start.
    seed = to_numpy(ram.seed_generator.state)
    outputs = to_numpy(ram(images))
    ram.seed_generator.state.assign(seed)
    assert_same(ram(images), outputs)


def test_start_may_be_spelled_in_two_ways():
    ram = model(start="centre")
    assert ram.get_config()["start"] == "center"
    np.testing.assert_array_equal(to_numpy(ram.locations(toy(3)[0]))[:, 0], 0)


def test_parameters_of_a_linear_locator():
    ram = RecurrentAttention(10, locator_units=0)
    ram.build((None, 28, 28, 1))
    # Without the 256 to 128 units of the hidden layer.
    assert ram.count_params() == 242_317 - (257 * 128 + 129 * 2) + 257 * 2


def trained_layers(weights):
    return {name.partition("/")[0] for name, g in weights.items() if g.any()}


def compiled(**kwargs):
    ram = model(**kwargs)
    images, labels = (ops.convert_to_tensor(a) for a in toy(16))
    ram.build(images.shape)
    ram.compile("sgd", LOSS)
    return ram, images, labels


def test_training_step_computes_one_rollout_and_clears_the_cache():
    images, labels = toy(16)
    ram = model(reinforce_weight=0)
    cross_entropy = keras.metrics.SparseCategoricalCrossentropy(
        name="cross_entropy"
    )
    ram.compile("sgd", LOSS, metrics=[cross_entropy, "accuracy"])
    ram.build(images.shape)
    ram.baseline.set_weights([np.zeros((16, 1)), np.zeros(1)])
    before = random_calls(ram)
    logs = ram.train_on_batch(images, labels, return_dict=True)
    # The squared error of a zero baseline is the reward, the accuracy.
    np.testing.assert_allclose(
        logs["loss"], logs["cross_entropy"] + logs["accuracy"], rtol=1e-5
    )
    ram.train_on_batch(images, labels)
    assert random_calls(ram) - before == 2 * (1 + ram.num_glimpses)
    assert vars(ram._step_cache) == vars(StepCache())


def test_rollouts_are_matched_to_their_outputs():
    ram, images, labels = compiled()

    def new_random_calls(outputs):
        before = random_calls(ram)
        ram.compute_loss(images, labels, outputs)
        return random_calls(ram) - before

    with ram._step_cache:
        outputs = ram(images, training=True)
        assert new_random_calls(outputs) == 0
        assert new_random_calls(outputs) > 0  # the cache is empty
        outputs = ram(images, training=True)
        assert new_random_calls(ops.copy(outputs)) > 0
        assert new_random_calls(outputs) > 0
        outputs = ram(images)
        assert new_random_calls(outputs) > 0
    assert new_random_calls(ram(images, training=True)) > 0


def random_calls(ram):
    """Return the number of random calls of a model."""
    return int(to_numpy(ram.seed_generator.state)[1])


def test_each_loss_term_trains_its_own_layers():
    def terms(**kwargs):
        keras.utils.set_random_seed(0)
        ram, images, labels = compiled(**kwargs)
        return loss_gradients(ram, images, labels), ram

    base, ram = terms()
    assert trained_layers(base) == {
        n for names in PARTS.values() for n in names
    }
    more, _ = terms(reinforce_weight=0.03)
    for weight in ram.trainable_variables:
        name = role(weight)
        # The gradient of the locator is tripled, all others are unchanged.
        factor = 3 if part_of(weight) == "locator" else 1
        assert_close(more[name], factor * base[name])

    keras.utils.set_random_seed(0)
    ram, images, labels = compiled()
    ram.compile("sgd", lambda y, p: 0 * ops.sum(p, axis=-1))
    without = loss_gradients(ram, images, labels)
    assert trained_layers(without) == {"locator", "locator_hidden", "baseline"}
    for name in without:
        if name.startswith(("locator", "baseline")):
            assert_close(without[name], base[name])


def test_baseline_has_the_gradient_of_the_squared_error():
    ram, images, labels = compiled()
    ram.set_weights([np.zeros(w.shape) for w in ram.weights])
    gradients = loss_gradients(ram, images, labels)
    # With zero weights, class 0 is predicted, and the baseline is 0.
    expected = -2 * np.mean(to_numpy(labels) == 0)
    np.testing.assert_allclose(gradients["baseline/bias"], expected, rtol=1e-5)


def test_sample_weights_scale_every_loss_term():
    ram, images, labels = compiled()
    none = loss_gradients(ram, images, labels, sample_weight=ops.zeros((16,)))
    assert trained_layers(none) == set()


def test_labels_must_be_given():
    ram, images, _ = compiled()
    with pytest.raises(ValueError, match=r"`y` must be .*Received: y=None"):
        ram.compute_loss(images)


def test_labels_may_be_one_hot():
    losses = []
    for one_hot in (False, True):
        keras.utils.set_random_seed(0)
        ram, images, labels = compiled(monte_carlo_samples=2)
        if one_hot:
            ram.compile("sgd", "categorical_crossentropy")
            labels = ops.one_hot(labels, 2)
        losses.append(ram.compute_loss(images[:8], labels[:8]))
    assert_close(losses[0], losses[1])


def test_evaluation_loss_is_the_cross_entropy():
    ram, images, labels = compiled()
    p = to_numpy(ram(images))[np.arange(16), to_numpy(labels)]
    loss = ram.evaluate(to_numpy(images), to_numpy(labels), verbose=0)
    np.testing.assert_allclose(loss, -np.log(p).mean(), rtol=1e-4)


def test_model_and_optimizer_are_saved(tmp_path):
    images, labels = toy(16)
    ram = model(kernel_regularizer="l2")
    ram.compile("adam", LOSS, metrics=["accuracy"])
    ram.fit(images, labels, verbose=0)
    ram.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is RecurrentAttention
    assert_same(
        loaded.predict(images, verbose=0), ram.predict(images, verbose=0)
    )
    assert_same(loaded.locations(images), ram.locations(images))
    loaded.fit(images, labels, verbose=0)
    json.dumps(loaded.get_config())


@pytest.mark.parametrize("dtype", subset(["mixed_float16", "mixed_bfloat16"]))
def test_mixed_precision_is_honored(dtype):
    images, labels = toy(16)
    ram = model(dtype=dtype)
    outputs = ram(images)
    half = dtype.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(outputs.dtype) == half
    assert keras.backend.standardize_dtype(ram.locations(images).dtype) == (
        "float32"
    )
    ram.compile("sgd", LOSS)
    assert np.isfinite(ram.fit(images, labels, verbose=0).history["loss"]).all()


def test_fit_accepts_both_data_formats(data_format):
    keras.utils.set_random_seed(0)
    images, labels = toy(32)
    images = to_layout(images[:, :6], data_format)
    ram = RecurrentAttention(
        2, num_glimpses=2, units=8, data_format=data_format, seed=0
    )
    ram.compile("sgd", LOSS)
    before = [w.copy() for w in (ram.build(images.shape), ram.get_weights())[1]]
    ram.fit(images, labels, epochs=2, verbose=0)
    for weight, old in zip(ram.get_weights(), before, strict=True):
        assert np.any(weight != old)


def test_unknown_sizes_are_accepted():
    ram = model()
    inputs = keras.Input((None, None, 1))
    functional = keras.Model(inputs, ram(inputs))
    for batch, size in ((2, 8), (3, 5)):
        images = np.ones((batch, size, size, 1), "float32")
        assert functional.predict(images, verbose=0).shape == (batch, 2)


def test_random_state_is_saved(tmp_path):
    """Keras itself does not save the random state."""
    case = RECURRENT[1]
    model, other = case.generic(seed=3), case.generic(seed=4)
    images = case.inputs()[0]
    model(images, training=True)  # this changes the random state
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same(other(images, training=True), model(images, training=True))


def test_files_without_random_state_load(tmp_path):
    model = RECURRENT[1].generic()
    store = {}
    model.save_own_variables(store)
    del store["seed_state"]
    state = to_numpy(model.seed_generator.state)
    model.load_own_variables(store)
    np.testing.assert_array_equal(to_numpy(model.seed_generator.state), state)
