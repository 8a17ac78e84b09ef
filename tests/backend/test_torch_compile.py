"""Layers and networks as one graph of `torch.compile`, without warnings.

PyTorch runs the graph itself (`backend="eager"`), as generating code for it
takes minutes. A graph break is an error (`fullgraph=True`).
"""

import keras
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
    assert_same(lambda *x: layer(*x), tensors(case.inputs()))


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


@pytest.mark.parametrize("transform", ["affine", "projective"])
@pytest.mark.parametrize("dynamic", [None, True])
def test_spatial_transformer(transform, dynamic, rng):
    # Keras' maximum over a map, in the network of `cases`, breaks the graph.
    layer = SpatialTransformer(
        keras.layers.GlobalAveragePooling2D(), transform=transform
    )
    inputs = tensors([rng.normal(size=(2, 5, 6, 3)).astype("float32")])
    layer(*inputs)
    assert_same(lambda x: layer(x), inputs, dynamic=dynamic)


# Keras' own batch normalization breaks the graph in training, and its padding
# layer, which the networks of this package have, always does.
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("attention", ["se", "cbam", "eca"])
def test_network(attention, training, rng):
    inputs = keras.Input((8, 8, 8))
    x = keras.layers.Conv2D(8, 3, padding="same")(inputs)
    x = x if training else keras.layers.BatchNormalization()(x)
    x = keras_attention.get(attention)(x)
    x = keras.layers.ReLU()(keras.layers.Add()([inputs, x]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    images = tensors([rng.normal(size=(2, 8, 8, 8)).astype("float32")])
    assert_same(lambda x: model(x, training=training), images)
