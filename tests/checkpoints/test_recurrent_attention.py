"""Loading weights of recurrent attention models."""

import numpy as np
import pytest

from cases import RECURRENT
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import RecurrentAttention
from keras_attention import load_reference_weights
from keras_attention.ops import extract_glimpses

# 7 units of the core, 6 hidden units for glimpses and 5 for locations, 7 // 2
# hidden units of the locator, 4 classes. Glimpses have 2 scales of 2x2 pixels
# with 2 channels.
SHAPES = {
    "sensor.fc1": (6, 16),
    "sensor.fc2": (5, 2),
    "sensor.fc3": (7, 6),
    "sensor.fc4": (7, 5),
    "rnn.i2h": (7, 7),
    "rnn.h2h": (7, 7),
    "locator.fc": (3, 7),
    "locator.fc_lt": (2, 3),
    "classifier.fc": (4, 7),
    "baseliner.fc": (1, 7),
}


@pytest.fixture
def published():
    rng = np.random.default_rng(0)
    return {
        f"{name}.{part}": rng.normal(size=size)
        for name, shape in SHAPES.items()
        for part, size in (("weight", shape), ("bias", shape[:1]))
    }


def linear(published, name, x):
    """Apply a published linear layer."""
    return x @ published[f"{name}.weight"].T + published[f"{name}.bias"]


def reference(published, images, glimpses):
    """Run the published model, channels first, at the mean locations."""
    location = np.zeros((len(images), 2))
    state = np.zeros((len(images), 7))
    for _ in range(glimpses):
        pixels = extract_glimpses(
            images.astype("float32"),
            location.astype("float32"),
            2,
            num_scales=2,
            data_format="channels_first",
        )
        # PyTorch flattens scales, channels, rows and columns.
        pixels = to_numpy(pixels).reshape(len(images), -1)
        what = relu(linear(published, "sensor.fc1", pixels))
        where = relu(linear(published, "sensor.fc2", location))
        glimpse = relu(
            linear(published, "sensor.fc3", what)
            + linear(published, "sensor.fc4", where)
        )
        state = relu(
            linear(published, "rnn.i2h", glimpse)
            + linear(published, "rnn.h2h", state)
        )
        hidden = relu(linear(published, "locator.fc", state))
        location = np.tanh(linear(published, "locator.fc_lt", hidden))
    scores = np.exp(linear(published, "classifier.fc", state))
    baseline = linear(published, "baseliner.fc", state)
    return scores / scores.sum(-1, keepdims=True), baseline


def relu(x):
    return np.maximum(x, 0)


def model(data_format):
    return RecurrentAttention(
        4,
        units=7,
        num_glimpses=3,
        glimpse_units=6,
        location_units=5,
        glimpse_size=2,
        num_scales=2,
        data_format=data_format,
    )


@pytest.mark.parametrize("prefix", ["", "module."])
def test_published_model_gives_the_same_predictions(
    published, prefix, data_format
):
    images = np.random.default_rng(1).normal(size=(3, 9, 7, 2))
    moved = to_layout(images, data_format).astype("float32")
    target = model(data_format)
    target.build(moved.shape)
    source = {prefix + name: array for name, array in published.items()}
    load_reference_weights(target, source)
    expected, baseline = reference(
        published, np.moveaxis(images, -1, 1), target.num_glimpses
    )
    assert_close(target(moved), expected)
    runs = target._rollout(moved, sampled=False)
    assert_close(runs.baselines[:, -1:], baseline)


def test_glimpse_network_loads_without_the_model(published):
    whole = model("channels_last")
    whole.build((None, 9, 7, 2))
    load_reference_weights(whole, published)
    part = model("channels_last")
    part.build((None, 9, 7, 2))
    sensor = {k: v for k, v in published.items() if k.startswith("sensor.")}
    load_reference_weights(part.glimpse, sensor)
    assert_same(part.glimpse.get_weights(), whole.glimpse.get_weights())


def test_checkpoints_with_another_locator_raise(published):
    target = RECURRENT[0].layer()
    target.build((None, 9, 7, 2))
    older = {k: v for k, v in published.items() if "fc_lt" not in k}
    with pytest.raises(ValueError, match="missing keys: ") as caught:
        load_reference_weights(target, older)
    assert "missing keys: 'locator.fc_lt.weight'" in str(caught.value)
