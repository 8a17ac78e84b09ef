"""A damaged file is one clear error, and no weight has changed."""

import itertools
import sys

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from damage import bursts
from damage import cuts
from damage import flips
from damage import same
from keras_attention import SqueezeExcite
from keras_attention import load_reference_weights

NAMES = {"fc.0.weight": (4, 16), "fc.2.weight": (16, 4)}


def weights():
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(size=shape).astype("float32")
        for name, shape in NAMES.items()
    }


def save_torch(path, arrays, **kwargs):
    torch = pytest.importorskip("torch", reason="It writes a PyTorch file.")
    tensors = {name: torch.tensor(a) for name, a in arrays.items()}
    torch.save(tensors, path, **kwargs)


# How a file is written, and whether the format has checksums.
WRITERS = {
    "plain.npz": (lambda path, a: np.savez(path, **a), True),
    "packed.npz": (lambda path, a: np.savez_compressed(path, **a), True),
    "new.pth": (save_torch, True),
    "old.pth": (
        lambda path, a: save_torch(
            path, a, _use_new_zipfile_serialization=False
        ),
        False,
    ),
    "plain.safetensors": (lambda path, a: save_file(a, path), False),
}


def complaint(kind, function, *arguments):
    """Return what an error says that a call raises, or `None`."""
    try:
        function(*arguments)
    except kind as error:
        return str(error)
    return None


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("name", WRITERS)
def test_published_weights(name, tmp_path):
    write, checked = WRITERS[name]
    path = tmp_path / name
    write(path, weights())
    data, rng = path.read_bytes(), np.random.default_rng(1)
    layer = SqueezeExcite(reduction=4)
    layer.build((None, 4, 4, 16))
    load_reference_weights(layer, path)
    good = layer.get_weights()
    zeros = [np.zeros_like(weight) for weight in good]
    refused = 0
    for damaged in itertools.chain(
        cuts(data, rng, 50), flips(data, rng, 150), bursts(data, rng, 50)
    ):
        path.write_bytes(damaged)
        layer.set_weights(zeros)
        said = complaint(ValueError, load_reference_weights, layer, path)
        if said is None:
            # What was hit says nothing about weights: a date, say. Or it is a
            # weight, in a format that could not tell.
            assert not checked or same(layer.get_weights(), good)
        else:
            assert said.startswith("`source` must ")
            assert same(layer.get_weights(), zeros)
            refused += 1
    assert refused >= 80


def test_pytorch_file_without_checksums_is_read(tmp_path):
    path = tmp_path / "weights.pth"
    torch = pytest.importorskip("torch", reason="It writes a PyTorch file.")
    torch.serialization.set_crc32_options(False)
    try:
        save_torch(path, weights())
    finally:
        torch.serialization.set_crc32_options(True)
    layer = SqueezeExcite(reduction=4)
    layer.build((None, 4, 4, 16))
    load_reference_weights(layer, path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(value):
    layer = SqueezeExcite(reduction=4)
    layer.build((None, 4, 4, 16))
    before, source = layer.get_weights(), weights()
    source["fc.2.weight"][3, 2] = value
    with pytest.raises(ValueError, match=r"not finite=\['fc.2.weight'\]$"):
        load_reference_weights(layer, source)
    assert same(layer.get_weights(), before)


def model(seed):
    """Return a model with weights of both kinds."""
    model = keras.Sequential(
        [keras.Input((5, 5, 8)), SqueezeExcite(4), keras.layers.Dense(2)]
    )
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.skipif(
    sys.version_info >= (3, 12),
    reason="Its `zipfile` checks no member in which Keras seeks.",
)
@pytest.mark.parametrize("door", ["load_model", "load_weights"])
def test_keras_file(door, tmp_path):
    path = tmp_path / "model.keras"
    source, target = model(1), model(2)
    source.save(path)
    before, good = target.get_weights(), source.get_weights()
    data, rng = path.read_bytes(), np.random.default_rng(3)

    def load(path):
        if door == "load_weights":
            target.load_weights(path)
        else:
            loaded = keras.models.load_model(path)
            target.set_weights(loaded.get_weights())

    refused = 0
    for damaged in itertools.chain(
        cuts(data, rng, 20), flips(data, rng, 60), bursts(data, rng, 20)
    ):
        path.write_bytes(damaged)
        target.set_weights(before)
        # Keras has errors of many kinds for it.
        if (said := complaint(Exception, load, path)) is None:
            assert same(target.get_weights(), good)
        else:
            assert said
            assert same(target.get_weights(), before)
            refused += 1
    assert refused >= 80
