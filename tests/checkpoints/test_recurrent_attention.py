"""Loading weights of recurrent attention models."""

import numpy as np
import pytest

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
    """Run the published model, channels first, at the mean locations.

    Older checkpoints have a linear locator.
    """
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
        means = linear(published, "locator.fc", state)
        if "locator.fc_lt.weight" in published:
            means = linear(published, "locator.fc_lt", relu(means))
        location = np.tanh(means)
    scores = np.exp(linear(published, "classifier.fc", state))
    baseline = linear(published, "baseliner.fc", state)
    return scores / scores.sum(-1, keepdims=True), baseline


def relu(x):
    return np.maximum(x, 0)


def with_linear_locator(published):
    """Return the weights of an older checkpoint."""
    older = {k: v for k, v in published.items() if "fc_lt" not in k}
    rng = np.random.default_rng(1)
    older["locator.fc.weight"] = rng.normal(size=(2, 7))
    older["locator.fc.bias"] = rng.normal(size=2)
    return older


def model(data_format, **kwargs):
    return RecurrentAttention(
        4,
        units=7,
        num_glimpses=3,
        glimpse_units=6,
        location_units=5,
        glimpse_size=2,
        num_scales=2,
        data_format=data_format,
        **kwargs,
    )


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("is_linear", [False, True])
def test_published_model_gives_the_same_predictions(
    published, prefix, is_linear, data_format
):
    if is_linear:
        published = with_linear_locator(published)
    images = np.random.default_rng(1).normal(size=(3, 9, 7, 2))
    moved = to_layout(images, data_format).astype("float32")
    target = model(data_format, locator_units=0 if is_linear else None)
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
    older = with_linear_locator(published)
    for units, source, message in (
        (None, older, "has no hidden layer: set `locator_units=0` "),
        (0, published, "has 3 hidden units: set `locator_units=3` "),
        (2, published, "has 3 hidden units: set `locator_units=3` "),
    ):
        target = model("channels_last", locator_units=units)
        target.build((None, 9, 7, 2))
        with pytest.raises(ValueError, match=message):
            load_reference_weights(target, source)
    target = model("channels_last")
    target.build((None, 9, 7, 2))
    for name in ("classifier.fc.bias", "locator.fc.weight"):
        del published[name]
        with pytest.raises(ValueError, match="missing keys: ") as caught:
            load_reference_weights(target, published)
        assert "locator_units" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_older_checkpoint_file_loads(published, tmp_path):
    """The file has the old format, and an optimizer's state."""
    torch = pytest.importorskip("torch", reason="It writes a PyTorch file.")
    weights = {
        name: torch.nn.Parameter(torch.tensor(array, dtype=torch.float32))
        for name, array in with_linear_locator(published).items()
    }
    optimizer = torch.optim.Adam(weights.values())
    sum(weight.sum() for weight in weights.values()).backward()
    optimizer.step()
    path = tmp_path / "model_best.pth.tar"
    torch.save(
        {
            "epoch": 25,
            "model_state": weights,
            "optim_state": optimizer.state_dict(),
            "best_valid_acc": 98.4,
        },
        path,
        _use_new_zipfile_serialization=False,
    )
    target = model("channels_last", locator_units=0)
    target.build((None, 9, 7, 2))
    load_reference_weights(target, path)
    kernel = weights["locator.fc.weight"].detach().numpy().T
    assert_same(target.locator.kernel, kernel)
