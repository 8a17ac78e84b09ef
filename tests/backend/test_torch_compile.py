"""Layers and networks as one graph of `torch.compile`, without warnings.

PyTorch runs the graph itself (`backend="eager"`), as generating code for it
takes minutes. A graph break is an error (`fullgraph=True`).
"""

import functools
import os

import keras
import numpy as np
import pytest

import keras_attention
from autodiff import BACKEND
from cases import EVERYTHING
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import CBAM
from keras_attention import ConvOffset2D
from keras_attention import DeformableConv2D
from keras_attention import DynamicCapacityNetwork
from keras_attention import GatherExcite
from keras_attention import RecurrentAttention
from keras_attention import SelectiveKernel
from keras_attention import SpatialGroupEnhance
from keras_attention import SpatialTransformer
from small_networks import FAMILIES
from small_networks import small

if BACKEND != "torch":
    pytest.skip("Other backends have other compilers.", allow_module_level=True)

torch = pytest.importorskip("torch")

pytestmark = [
    # PyTorch's compiler itself makes an instance.
    pytest.mark.filterwarnings(
        "ignore:.*torch.autograd.function.Function.* should not be instantiated"
    ),
    # A function of Keras.
    pytest.mark.filterwarnings("ignore:Dynamo detected .* at 'dtypes.py"),
]

# The last configuration of each layer. PyTorch traces no gradient inside a
# model, which `DynamicCapacityNetwork` computes. Keras turns compilation off
# for its random numbers, which `RecurrentAttention` begins with.
CASES = [
    case
    for case in {case.layer_cls: case for case in EVERYTHING}.values()
    if case.layer_cls
    not in (DynamicCapacityNetwork, RecurrentAttention, SpatialTransformer)
]
SAMPLE = [
    case
    for case in CASES
    if case.layer_cls
    in (
        CBAM,
        ConvOffset2D,
        DeformableConv2D,
        GatherExcite,
        SelectiveKernel,
        SpatialGroupEnhance,
    )
]


# PyTorch traces a training step, and each block of a network, for seconds.
ALL = os.environ.get("TESTS") == "all"
FAMILIES_OF_LAYERS = ["channel", "spatial", "mixed", "self_attention", "fusion"]


@pytest.fixture(autouse=True)
def _compile_anew():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def tensors(arrays):
    return [
        tensors(x)
        if isinstance(x, list)
        else torch.tensor(x, requires_grad=True)
        for x in arrays
    ]


def gradients(function, inputs):
    """Return outputs, and the gradients of their sum times constants."""
    outputs = function(*inputs)
    constants = torch.arange(1.0, 1 + outputs.numel()).view_as(outputs)
    found = torch.autograd.grad(
        outputs,
        torch.utils._pytree.tree_leaves(inputs),
        constants,
        allow_unused=True,
    )
    return outputs, *(x for x in found if x is not None)


def in_one_graph(function, **settings):
    return torch.compile(function, fullgraph=True, backend="eager", **settings)


def assert_same(function, inputs, **settings):
    """Check outputs and gradients of one graph against those without it."""
    expected = gradients(function, inputs)
    found = gradients(in_one_graph(function, **settings), inputs)
    for mine, other in zip(found, expected, strict=True):
        assert_close(to_numpy(mine), to_numpy(other))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layer(case):
    layer = case.generic()
    # A side effect, such as a new name, ends the graph at the next layer.
    following = keras.layers.Activation("linear")
    assert_same(lambda *x: following(layer(*x)), tensors(case.inputs()))


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_training(case):
    layer, other = case.generic(), case.generic()
    inputs = tensors(case.inputs())
    found = gradients(in_one_graph(lambda *x: layer(*x, training=True)), inputs)
    expected = gradients(lambda *x: other(*x, training=True), inputs)
    for mine, others in zip(found, expected, strict=True):
        assert_close(to_numpy(mine), to_numpy(others))
    # Such as the moving statistics of batch normalization.
    for mine, others in zip(layer.weights, other.weights, strict=True):
        assert_close(to_numpy(mine), to_numpy(others))


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_unknown_sizes(case):
    layer = case.generic()
    inputs = tensors(case.inputs())
    assert_same(lambda *x: layer(*x), inputs, dynamic=True)


@pytest.mark.parametrize("transform", ["affine", "projective", "tps"])
@pytest.mark.parametrize("dynamic", [None, True])
def test_spatial_transformer(transform, dynamic, rng):
    # Keras' maximum over a map, in the network of `cases`, breaks the graph.
    layer = SpatialTransformer(
        keras.layers.GlobalAveragePooling2D(), transform=transform
    )
    inputs = tensors([rng.normal(size=(2, 5, 6, 3)).astype("float32")])
    layer(*inputs)
    assert_same(lambda x: layer(x), inputs, dynamic=dynamic)


@pytest.mark.parametrize("attention", ["se", "cbam"])
def test_attention_in_network_of_keras(attention, rng):
    inputs = keras.Input((8, 8, 8))
    x = keras.layers.Conv2D(8, 3, padding="same")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras_attention.get(attention)(x)
    x = keras.layers.ReLU()(keras.layers.Add()([inputs, x]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    images = tensors([rng.normal(size=(2, 8, 8, 8)).astype("float32")])
    assert_same(lambda x: model(x), images)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("family", ["se_basic", "cbam_timm", "aff"])
def test_network(family, training, rng):
    if ALL:
        builder, options = FAMILIES[family]
        model = builder(weights=None, classes=10, **options)
    else:
        changes = {"depths": (1,), "widths": (16,)}
        model = small(family, changes)
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    images = tensors([rng.normal(size=(2, 32, 32, 3)).astype("float32")])
    found = in_one_graph(lambda x: model(x, training=training))(*images)
    expected = other(*images, training=training)
    assert_close(to_numpy(found), to_numpy(expected))
    # Such as the moving statistics of batch normalization.
    for mine, others in zip(model.weights, other.weights, strict=True):
        assert_close(to_numpy(mine), to_numpy(others))


def attention_of(family, x):
    """Apply a layer of a family to a map of 8 channels."""
    if family == "fusion":
        other = keras.layers.Conv2D(8, 1)(x)
        return keras_attention.AttentionalFeatureFusion(reduction=2)(x, other)
    layers = {
        "channel": keras_attention.SqueezeExcite,
        "spatial": keras_attention.SpatialAttention,
        "mixed": keras_attention.CoordinateAttention,
        "self_attention": keras_attention.NonLocal,
    }
    return layers[family]()(x)


@pytest.mark.parametrize("family", FAMILIES_OF_LAYERS[:: 1 if ALL else 2])
def test_fit_with_jit_compile(family, rng, monkeypatch):
    inputs = keras.Input((6, 6, 8))
    x = keras.layers.GlobalAveragePooling2D()(attention_of(family, inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    images = rng.normal(size=(8, 6, 6, 8)).astype("float32")
    weights_of_graphs = []

    def backend(graph, graph_inputs):
        weights_of_graphs.append(
            sum(isinstance(x, torch.nn.Parameter) for x in graph_inputs)
        )
        return graph.forward

    compiler = functools.partial(torch.compile, backend=backend)
    monkeypatch.setattr(torch, "compile", compiler)
    losses = []
    for network, jit_compile in ((model, True), (other, False)):
        network.compile(
            keras.optimizers.SGD(0.5),
            "sparse_categorical_crossentropy",
            jit_compile=jit_compile,
        )
        history = network.fit(
            images, np.arange(8) % 3, batch_size=4, shuffle=False, verbose=0
        )
        losses.append(history.history["loss"])
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(*losses, rtol=1e-5)
    for mine, others in zip(model.weights, other.weights, strict=True):
        assert_close(to_numpy(mine), to_numpy(others))
    # The first graph has the whole network, and the two numbers of the loss
    # tracker.
    assert weights_of_graphs[0] == len(model.weights) + 2
