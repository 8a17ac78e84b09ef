"""`AttentionMonitor`: plots during training, and events for TensorBoard."""

import importlib.machinery
import sys
import types

import keras
import numpy as np
import pytest
from keras import layers

import keras_attention
from contract.case import assert_close
from keras_attention import AttentionMonitor
from keras_attention.visualization import attention_monitor


def train(monitor, epochs=1):
    inputs = keras.Input((6, 6, 3))
    x = keras_attention.SpatialAttention(3, name="gate")(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, x)
    model.compile(keras.optimizers.SGD(1.0), "mse")
    x, y = images(), np.ones((4, 3))
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=[monitor])
    return model


def images():
    rng = np.random.default_rng(0)
    return rng.uniform(size=(4, 6, 6, 3)).astype("float32")


def pictures(folder):
    return sorted(path.name for path in folder.glob("*"))


def test_plots_the_attention_of_the_model(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    plotted = []

    def plot(maps, *args, **kwargs):
        plotted.append((maps, kwargs))
        return keras_attention.plot_attention(maps, *args, **kwargs)

    monkeypatch.setattr(attention_monitor, "plot_attention", plot)
    folder = tmp_path / "not" / "there"
    monitor = AttentionMonitor(folder, images(), every=2, labels=[0, 0, 1, 1])
    model = train(monitor, epochs=4)
    assert pictures(folder) == ["epoch_0002.png", "epoch_0004.png"]
    assert (folder / "epoch_0002.png").read_bytes()[:4] == b"\x89PNG"
    before, after = (maps["gate"] for maps, _ in plotted)
    assert np.abs(before - after).max() > 1e-5
    assert_close(after, keras_attention.attention_maps(model, images())["gate"])
    options = {"title": "after epoch 4", "labels": [0, 0, 1, 1]}
    assert plotted[1][1] == options


class Writer:
    """A replacement of TensorBoard's writer that stores the events."""

    def __init__(self, folder):
        self.folder = folder
        self.events = []
        Writer.last = self

    def add_event(self, event):
        self.events.append(event)

    def flush(self):
        self.flushed = len(self.events)

    def close(self):
        self.closed = True


class Message(types.SimpleNamespace):
    """A replacement of TensorBoard's messages."""

    Image = Value = types.SimpleNamespace


def test_writes_events_for_tensorboard(tmp_path, monkeypatch):
    """The modules are those of TensorBoard 2.21, which is not needed here."""
    contents = {
        "tensorboard": {},
        "tensorboard.compat": {},
        "tensorboard.compat.proto": {},
        "tensorboard.compat.proto.event_pb2": {"Event": Message},
        "tensorboard.compat.proto.summary_pb2": {"Summary": Message},
        "tensorboard.summary": {},
        "tensorboard.summary.writer": {},
        "tensorboard.summary.writer.event_file_writer": {
            "EventFileWriter": Writer
        },
    }
    for name, content in contents.items():
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.__path__ = []
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    train(AttentionMonitor(tmp_path, images()), epochs=2)
    writer = Writer.last
    assert writer.folder == str(tmp_path)
    assert writer.closed
    assert writer.flushed == 2
    (value,) = writer.events[1].summary.value
    assert (value.tag, writer.events[1].step) == ("attention", 2)
    png = (tmp_path / "epoch_0002.png").read_bytes()
    assert value.image.encoded_image_string == png
    size = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    assert (value.image.width, value.image.height) == size


def test_invalid_arguments_raise(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="Received: every=0"):
        AttentionMonitor(tmp_path, images(), every=0)
    with pytest.raises(ValueError, match="Received: batch_size=0"):
        AttentionMonitor(tmp_path, images(), batch_size=0)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="need matplotlib"):
        train(AttentionMonitor(tmp_path, [images()]))
