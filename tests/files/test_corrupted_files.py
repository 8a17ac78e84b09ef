"""A corrupted file raises one clear error, and no weight changes."""

import itertools
import sys

import keras
import numpy as np
import onnx
import pytest
from safetensors.numpy import save_file

from corruption import all_equal
from corruption import truncated
from corruption import with_flipped_bits
from corruption import with_random_bytes
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


def save_onnx(path, arrays):
    tensors = [onnx.numpy_helper.from_array(a, n) for n, a in arrays.items()]
    graph = onnx.helper.make_graph([], "network", [], [], tensors)
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())


# The function that writes a file, and whether the format has checksums.
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
    "plain.onnx": (save_onnx, False),
}


def error_message(error_cls, function, *arguments):
    """Return the message of the error that a call raises, or `None`."""
    try:
        function(*arguments)
    except error_cls as error:
        return str(error)
    return None


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("name", WRITERS)
def test_corrupted_weights_raise_or_change_nothing(name, tmp_path):
    write, has_checksums = WRITERS[name]
    path = tmp_path / name
    write(path, weights())
    data, rng = path.read_bytes(), np.random.default_rng(1)
    layer = SqueezeExcite(reduction=4)
    layer.build((None, 4, 4, 16))
    load_reference_weights(layer, path)
    good = layer.get_weights()
    zeros = [np.zeros_like(weight) for weight in good]
    raised = 0
    for corrupted in itertools.chain(
        truncated(data, rng, 50),
        with_flipped_bits(data, rng, 150),
        with_random_bytes(data, rng, 50),
    ):
        path.write_bytes(corrupted)
        layer.set_weights(zeros)
        message = error_message(ValueError, load_reference_weights, layer, path)
        if message is None:
            # The corrupted bytes are not about weights, such as a date, or the
            # format has no checksums and they are a weight.
            assert not has_checksums or all_equal(layer.get_weights(), good)
        else:
            assert message.startswith("`source` must ")
            assert all_equal(layer.get_weights(), zeros)
            raised += 1
    assert raised >= 75


def test_pytorch_file_without_checksums_loads(tmp_path):
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
def test_values_that_are_not_finite_raise(value):
    layer = SqueezeExcite(reduction=4)
    layer.build((None, 4, 4, 16))
    before, source = layer.get_weights(), weights()
    source["fc.2.weight"][3, 2] = value
    with pytest.raises(ValueError, match=r"not finite=\['fc.2.weight'\]$"):
        load_reference_weights(layer, source)
    assert all_equal(layer.get_weights(), before)


def model(seed):
    """Return a model with a layer of this package and one of Keras."""
    model = keras.Sequential(
        [keras.Input((5, 5, 8)), SqueezeExcite(4), keras.layers.Dense(2)]
    )
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.skipif(
    sys.version_info >= (3, 12),
    reason="Its `zipfile` verifies no entry in which Keras seeks.",
)
@pytest.mark.parametrize("method", ["load_model", "load_weights"])
def test_corrupted_keras_files_raise_or_change_nothing(method, tmp_path):
    path = tmp_path / "model.keras"
    source, target = model(1), model(2)
    source.save(path)
    before, good = target.get_weights(), source.get_weights()
    data, rng = path.read_bytes(), np.random.default_rng(3)

    def load(path):
        if method == "load_weights":
            target.load_weights(path)
        else:
            loaded = keras.models.load_model(path)
            target.set_weights(loaded.get_weights())

    raised = 0
    for corrupted in itertools.chain(
        truncated(data, rng, 20),
        with_flipped_bits(data, rng, 60),
        with_random_bytes(data, rng, 20),
    ):
        path.write_bytes(corrupted)
        target.set_weights(before)
        # Keras raises errors of many classes.
        if (message := error_message(Exception, load, path)) is None:
            assert all_equal(target.get_weights(), good)
        else:
            assert message
            assert all_equal(target.get_weights(), before)
            raised += 1
    assert raised >= 75
