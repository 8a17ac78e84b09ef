"""Derivatives of any order, and the transforms of `torch.func`, on PyTorch."""

import dataclasses
import functools

import keras
import numpy as np
import pytest

import cases
from autodiff import BACKEND
from keras_attention import CoordinateAttention
from keras_attention import DeformableConv2D
from keras_attention import DynamicCapacityNetwork
from keras_attention import RecurrentAttention
from keras_attention import SqueezeExcite
from keras_attention import ops
from ops_sampler import SETTINGS

torch = pytest.importorskip("torch")

pytestmark = [
    pytest.mark.skipif(BACKEND != "torch", reason="torch.func is PyTorch's"),
    # Forward mode loads scripts of PyTorch's own.
    pytest.mark.filterwarnings("ignore:.torch.jit.script.* is deprecated"),
]


@dataclasses.dataclass(frozen=True)
class Subject:
    """A public layer or function: `make` returns a function and its inputs."""

    name: str
    make: object
    layer_cls: type | None = None

    def __str__(self):
        return self.name


def _layer(case, training=False):
    layout = "channels_first" if training else "channels_last"
    # Keras' dropout on PyTorch draws other values in each call.
    settings = {"dropout": 0.0} if "dropout" in case.kwargs else {}
    layer = case.generic(data_format=layout, dtype="float64", **settings)
    nested = case.in_layout(case.inputs(dtype="float64"), layout)
    inputs = [tensor(x) for x in keras.tree.flatten(nested)]
    if not training and case.layer_cls is not RecurrentAttention:
        return lambda *x: layer(*packed(nested, x)), inputs
    # Otherwise Keras assigns statistics and random states in place.
    weights, others = (
        [variable.value.detach() for variable in variables]
        for variables in (
            layer.trainable_variables,
            layer.non_trainable_variables,
        )
    )

    def stateless(*inputs):
        return layer.stateless_call(
            weights, others, *packed(nested, inputs), training=training
        )[0]

    return stateless, inputs


def _function(function, shapes, **settings):
    rng = np.random.default_rng(0)
    inputs = [tensor(rng.normal(size=shape)) for shape in shapes]
    return functools.partial(function, **settings), inputs


def packed(nested, inputs):
    """Return the inputs in lists as those of `nested`."""
    return keras.tree.pack_sequence_as(nested, list(inputs))


def tensor(array):
    return torch.tensor(np.ascontiguousarray(array))


def _glimpses(images, **settings):
    locations = torch.tensor([[0.1, -0.4], [0.9, 0.3]])
    return ops.extract_glimpses(images, locations[: len(images)], **settings)


def _attended(first, second, locations, weights, **settings):
    return ops.deform_attention([first, second], locations, weights, **settings)


def _deformed(x, offsets, kernel, mask, bias, **settings):
    return ops.deform_conv2d(
        x, offsets, kernel, mask=mask, bias=bias, **settings
    )


LAYERS = [
    Subject(str(case), functools.partial(_layer, case), case.layer_cls)
    for case in cases.EVERYTHING
]
FUNCTIONS = [
    Subject(
        f"{function.__name__}-{number}",
        functools.partial(_function, function, shapes, **settings),
    )
    for number, (function, shapes, settings) in enumerate(
        [
            *(
                (
                    ops.grid_sample,
                    [(2, 4, 5, 3), (2, 3, 4, 2)],
                    {"data_format": "channels_last", **settings},
                )
                for settings in SETTINGS
            ),
            (ops.affine_grid, [(2, 2, 3)], {"size": (3, 4)}),
            (ops.projective_grid, [(2, 3, 3)], {"size": (3, 4)}),
            (ops.tps_grid, [(2, 9, 2)], {"size": (3, 4)}),
            (
                _deformed,
                [
                    (2, 5, 4, 6),
                    (2, 5, 4, 54),
                    (3, 3, 3, 4),
                    (2, 5, 4, 27),
                    (4,),
                ],
                {
                    "padding": "same",
                    "groups": 2,
                    "offset_groups": 3,
                    "data_format": "channels_last",
                },
            ),
            (
                _deformed,
                [
                    (2, 3, 6, 5),
                    (2, 12, 3, 3),
                    (3, 2, 3, 4),
                    (2, 6, 3, 3),
                    (4,),
                ],
                {
                    "padding": "same",
                    "strides": 2,
                    "data_format": "channels_first",
                },
            ),
            (
                _attended,
                [
                    (2, 5, 4, 6),
                    (2, 3, 2, 6),
                    (2, 4, 3, 2, 2, 2),
                    (2, 4, 3, 2, 2),
                ],
                {"data_format": "channels_last"},
            ),
            (
                ops.sample_offsets,
                [(2, 5, 4, 3), (2, 5, 4, 2)],
                {"data_format": "channels_last"},
            ),
            (
                ops.sample_offsets,
                [(2, 5, 4, 3), (2, 5, 4, 3, 2)],
                {"data_format": "channels_last"},
            ),
            (
                _glimpses,
                [(2, 6, 5, 3)],
                {"size": 2, "num_scales": 2, "data_format": "channels_last"},
            ),
        ]
    )
]
EVERYTHING = pytest.mark.parametrize("subject", LAYERS + FUNCTIONS, ids=str)


@pytest.fixture(autouse=True)
def _whole_float64(monkeypatch):
    """Make Keras' dense layers compute in float64, for finite differences."""
    monkeypatch.setattr("keras.src.backend.numpy.matmul", torch.matmul)


def directions(inputs, seed):
    rng = np.random.default_rng(seed)
    return [tensor(rng.normal(size=x.shape)) for x in inputs]


def dot(left, right):
    pairs = zip(left, right, strict=True)
    return sum((a * b).sum() for a, b in pairs if a is not None)


def loss(function, inputs):
    """Return a scalar with nonzero derivatives of all orders."""
    outputs = function(*inputs)
    weights = torch.linspace(0.5, 1, outputs.numel(), dtype=outputs.dtype)
    return (weights.view(outputs.shape) * (outputs + outputs**2)).sum()


def gradients(function, inputs, **kwargs):
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    value = loss(function, leaves)
    found = torch.autograd.grad(
        value, leaves, allow_unused=True, materialize_grads=True, **kwargs
    )
    return leaves, found


def check_second_derivative(subject, **kwargs):
    if subject.layer_cls in (DynamicCapacityNetwork, RecurrentAttention):
        pytest.skip("Keras' dense layers have the digits of float32 on PyTorch")
    function, inputs = subject.make(**kwargs)

    def penalty(inputs):
        leaves, first = gradients(function, inputs, create_graph=True)
        return leaves, dot(first, first)

    leaves, value = penalty(inputs)
    second = torch.autograd.grad(
        value, leaves, allow_unused=True, materialize_grads=True
    )
    size = float(dot(second, second)) ** 0.5
    assert size > 0
    for way in (second, directions(inputs, 1)):
        way = [x / float(dot(way, way)) ** 0.5 for x in way]
        step = 1e-6
        above, below = (
            float(
                penalty(
                    [
                        x + sign * step * w
                        for x, w in zip(inputs, way, strict=True)
                    ]
                )[1].detach()
            )
            for sign in (1, -1)
        )
        expected = (above - below) / (2 * step)
        assert float(dot(second, way)) == pytest.approx(
            expected, abs=2e-4 * size
        )


@EVERYTHING
def test_gradient_penalties_have_the_right_gradient(subject):
    check_second_derivative(subject)


@pytest.mark.parametrize("subject", LAYERS, ids=str)
def test_gradient_penalties_in_training(subject):
    check_second_derivative(subject, training=True)


@EVERYTHING
def test_transforms_of_functions(subject):
    function, inputs = subject.make()
    numbers = tuple(range(len(inputs)))
    _, expected = gradients(function, inputs)

    def of(*inputs):
        return loss(function, inputs)

    # In reverse.
    found = torch.func.grad(of, argnums=numbers)(*inputs)
    torch.testing.assert_close(found, tuple(expected))
    # Forward.
    way = directions(inputs, 2)
    _, tangent = torch.func.jvp(of, tuple(inputs), tuple(way))
    torch.testing.assert_close(tangent, dot(expected, way))


@EVERYTHING
def test_forward_derivatives_of_gradients(subject):
    function, inputs = subject.make()
    numbers = tuple(range(len(inputs)))

    def of(*inputs):
        return loss(function, inputs)

    way = directions(inputs, 2)
    _, found = torch.func.jvp(
        torch.func.grad(of, argnums=numbers), tuple(inputs), tuple(way)
    )
    leaves, first = gradients(function, inputs, create_graph=True)
    along = dot(first, way)
    expected = map(torch.zeros_like, inputs)
    if along.requires_grad:
        expected = torch.autograd.grad(
            along, leaves, allow_unused=True, materialize_grads=True
        )
    torch.testing.assert_close(found, tuple(expected))


@EVERYTHING
def test_gradients_of_each_sample(subject):
    if subject.layer_cls is DynamicCapacityNetwork:
        pytest.skip("under vmap PyTorch cannot copy as Keras' Conv2D asks for")
    function, inputs = subject.make()
    # Kernels and biases are shared by all samples.
    batch = len(inputs[0])
    axes = tuple(0 if len(x) == batch else None for x in inputs)
    numbers = tuple(range(len(inputs)))

    def of(*sample):
        sample = [
            x if axis is None else x[None]
            for x, axis in zip(sample, axes, strict=True)
        ]
        return loss(function, sample)

    one = torch.func.grad(of, argnums=numbers)
    found = torch.func.vmap(one, axes, randomness="different")(*inputs)
    shapes = [
        tuple(x.shape) if axis == 0 else (batch, *x.shape)
        for x, axis in zip(inputs, axes, strict=True)
    ]
    assert [tuple(x.shape) for x in found] == shapes
    # The samples of this have random numbers of their own.
    compared = 0 if subject.layer_cls is RecurrentAttention else batch
    for index in range(compared):
        sample = [
            x if axis is None else x[index : index + 1]
            for x, axis in zip(inputs, axes, strict=True)
        ]
        _, expected = gradients(function, sample)
        for mine, theirs, axis in zip(found, expected, axes, strict=True):
            theirs = theirs if axis is None else theirs[0]
            torch.testing.assert_close(mine[index], theirs)


@pytest.mark.parametrize("subject", FUNCTIONS, ids=str)
def test_gradients_have_tangents(subject):
    """Tangents are propagated through gradients."""
    forward_ad = torch.autograd.forward_ad
    function, inputs = subject.make()
    way = directions(inputs, 3)
    with forward_ad.dual_level():
        leaves = [x.clone().requires_grad_() for x in inputs]
        duals = [
            forward_ad.make_dual(x, w) for x, w in zip(leaves, way, strict=True)
        ]
        found = torch.autograd.grad(loss(function, duals), leaves)
        found = [forward_ad.unpack_dual(x).tangent for x in found]
    leaves, first = gradients(function, inputs, create_graph=True)
    expected = torch.autograd.grad(dot(first, way), leaves)
    torch.testing.assert_close(found, list(expected))


@pytest.mark.parametrize(
    "layer",
    [
        SqueezeExcite(2, activation="hard_sigmoid"),
        SqueezeExcite(2, gate_activation="hard_sigmoid"),
        DeformableConv2D(4, activation="hard_sigmoid"),
        CoordinateAttention(2, activation="hard_sigmoid"),
    ],
    ids=lambda layer: layer.name,
)
def test_hard_sigmoid_has_second_derivatives(layer):
    """PyTorch's own has none."""
    x = torch.tensor(np.random.default_rng(0).normal(size=(2, 5, 6, 8)))
    x = x.to(torch.float32).requires_grad_()
    (first,) = torch.autograd.grad(
        layer(x).square().sum(), x, create_graph=True
    )
    (second,) = torch.autograd.grad(first.square().sum(), x)
    assert second.isfinite().all()
    assert second.abs().max() > 0
