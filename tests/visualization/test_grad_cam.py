"""`grad_cam`: comparison with heatmaps in closed form, and errors."""

import re
from concurrent import futures

import keras
import numpy as np
import pytest
from keras import layers

from contract.case import assert_close
from contract.case import assert_same
from contract.case import convolution
from contract.case import to_last
from contract.case import to_numpy
from keras_attention import CBAM
from keras_attention import SqueezeExcite
from keras_attention import attention_maps
from keras_attention import grad_cam
from keras_attention import plot_attention
from surgery_networks import randomized

SIDE = 5


def images(count=3):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, SIDE, SIDE, 2)).astype("float32")


def network(activation=None, data_format="channels_last", attention=True):
    """Return a model whose Grad-CAM heatmaps have a closed form.

    Only a mean and a dense layer follow the attention.
    """
    first = data_format == "channels_first"
    inputs = keras.Input((2, SIDE, SIDE) if first else (SIDE, SIDE, 2))
    x = convolution(4, 3, padding="same", data_format=data_format, name="conv")(
        inputs
    )
    if attention:
        x = CBAM(data_format=data_format, name="cbam")(x)
    x = layers.GlobalAveragePooling2D(data_format=data_format)(x)
    x = layers.Dense(3, name="head")(x)
    if activation:
        x = layers.Activation(activation)(x)
    return randomized(keras.Model(inputs, x))


def expected(model, name, x, gradients, data_format="channels_last"):
    """Return the heatmaps of a layer, given the gradients for its mean."""
    before = keras.Model(model.inputs[0], model.get_layer(name).output)
    maps = to_last(before(x), data_format)
    weights = gradients[:, None, None] / maps[0, ..., 0].size
    return np.maximum((maps * weights).sum(-1), 0)


def test_heatmaps_of_scores(data_format):
    model = network(data_format=data_format)
    x = images()
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    maps = grad_cam(model, x, 2)
    assert list(maps) == ["cbam"]
    kernel = to_numpy(model.get_layer("head").kernel)
    gradients = np.tile(kernel[:, 2], (3, 1))
    wanted = expected(model, "cbam", x, gradients, data_format)
    assert wanted.max() > 0
    assert_close(maps["cbam"], wanted)


@pytest.mark.parametrize("scale", [1, 100])
def test_heatmaps_of_probabilities(scale):
    """The gradients of the odds do not vanish where softmax saturates."""
    model = network("softmax")
    head = model.get_layer("head")
    head.kernel.assign(scale * to_numpy(head.kernel))
    x = images()
    p = to_numpy(model(x))
    classes = [1, 0, 1]
    one_hot = np.eye(3)[classes]
    others = np.where(one_hot, 0, p)
    others = others / np.maximum(others.sum(-1, keepdims=True), 1e-30)
    gradients = (one_hot - others) @ to_numpy(head.kernel).T
    maps = grad_cam(model, x, classes, batch_size=3)
    alive = p[range(3), classes] > 1e-30
    assert alive.any()
    wanted = expected(model, "cbam", x, gradients)
    assert_close(maps["cbam"][alive], wanted[alive], 1e-4)


def test_default_class_is_the_predicted_one():
    model = network("softmax")
    x = images()
    chosen = to_numpy(model(x)).argmax(-1)
    maps = grad_cam(model, x)
    assert_close(maps, grad_cam(model, x, chosen))
    figure = plot_attention(maps, x)
    assert len(figure.subfigs) == 1


def test_default_layer_without_attention_is_the_last_map():
    conv = network(attention=False).get_layer("conv")
    inner = keras.Sequential([conv], name="inner")
    model = keras.Sequential([inner, layers.Flatten(), layers.Dense(3)])
    maps = grad_cam(model, images(), 0)
    assert list(maps) == ["inner/conv"]
    assert maps["inner/conv"].shape == (3, SIDE, SIDE)


class IgnoringFirstCall(keras.Model):
    """A model that calls a layer twice and ignores the first result."""

    def __init__(self):
        super().__init__()
        self.gate = SqueezeExcite(2, name="gate")
        self.head = layers.Dense(3)

    def call(self, x):
        self.gate(x)
        x, gate = self.gate(x, return_attention=True)
        return self.head(x[:, 2, 2] + 0 * gate[:, 0, 0])


def test_heatmaps_that_no_score_depends_on_are_zero():
    model = IgnoringFirstCall()
    maps = grad_cam(model, images(), 1, batch_size=2)
    assert list(maps) == ["gate", "gate:1"]
    assert maps["gate"].shape == maps["gate:1"].shape == (3, SIDE, SIDE)
    assert not maps["gate"].any()
    # The score depends on one position; alpha is the mean over all positions.
    alpha = to_numpy(model.head.kernel)[:, 1] / SIDE**2
    wanted = np.maximum(to_numpy(model.gate(images())) @ alpha, 0)
    assert wanted.max() > 0
    assert_close(maps["gate:1"], wanted)
    (only,) = grad_cam(IgnoringFirstCall(), images(1), 1, layers="gate:1")
    assert only == "gate:1"


@pytest.mark.parametrize(
    "mode",
    [
        {"mode": "full"},
        {"mode": "list_of_layers", "layer_names": ["conv", "cbam"]},
        {"mode": "larger_than", "output_size_threshold": 16},
    ],
    ids=str,
)
def test_models_with_rematerialization(mode):
    """Layers are not rematerialized while heatmaps are computed."""
    paths = ["conv", "cbam"]
    with keras.RematScope(**mode):
        model = network()
    plain = network()
    assert_same(
        attention_maps(model, images())["cbam"],
        attention_maps(plain, images())["cbam"],
    )
    found = grad_cam(model, images(), 1, layers=paths)
    expected = grad_cam(plain, images(), 1, layers=paths)
    assert list(found) == paths
    for path in paths:
        assert_close(found[path], expected[path])
    for layer in model._flatten_layers():
        assert "rematerialized_call" not in vars(layer)


def test_models_rematerialize_while_another_thread_computes_maps():
    with keras.RematScope("full"):
        model = network()
    found = []

    class CallingInThread(keras.layers.Layer):
        def call(self, x):
            if calling:
                with futures.ThreadPoolExecutor() as threads:
                    found.append(threads.submit(model, images()).result())
            return x

    calling = False
    x = keras.Input(model.input.shape[1:])
    outer = keras.Model(x, CallingInThread()(model(x)))
    calling = True
    attention_maps(outer, images())
    assert_close(found[0], model(images()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_index": 3}, "must be from 0 to 2. Received: class_index=[3,"),
        ({"class_index": -1}, "must be from 0 to 2. Received: class_index=[-1"),
        ({"class_index": [1]}, "one for each sample, or None. Received: class"),
        ({"class_index": 1.0}, "one for each sample, or None. Received: class"),
        ({"class_index": [[0], [1, 2]]}, "or None. Received: class_index=[[0]"),
        ({"class_index": "cat"}, "or None. Received: class_index='cat'"),
        ({"layers": 3}, "at least one, or None. Received: layers=3"),
        ({"layers": [[0]]}, "at least one, or None. Received: layers=[[0]]"),
        ({"layers": b"c"}, "at least one, or None. Received: layers=b'c'"),
        ({"layers": layers.ReLU()}, "or None. Received: layers=<ReLU"),
        ({"layers": []}, "at least one, or None. Received: layers=[]"),
        ({"layers": ["con"]}, "There are: conv. Received: layers=['con']"),
        ({"batch_size": 0}, "Received: batch_size=0"),
    ],
)
def test_invalid_arguments_raise(options, message):
    model = network(attention=False)
    with pytest.raises(ValueError, match=re.escape(message)):
        grad_cam(model, images(), **options)


def test_models_without_scores_or_maps_raise():
    with pytest.raises(ValueError, match="`model` must return scores"):
        grad_cam(layers.Conv2D(2, 1), images(), 0)
    dense = keras.Sequential([layers.Flatten(), layers.Dense(2)])
    with pytest.raises(ValueError, match="There are: none"):
        grad_cam(dense, images(), 0)
