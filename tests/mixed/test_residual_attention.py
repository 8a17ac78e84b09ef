"""Tests of `ResidualAttention` beyond the contract."""

import functools
import math

import keras
import numpy as np
import pytest
from keras import ops

import references
from autodiff import role
from autodiff import vjp
from contract.case import LAYOUTS
from contract.case import Case
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import ResidualAttention
from keras_attention.mixed._hourglass import Hourglass
from keras_attention.mixed._mask_activations import MASK_ACTIVATIONS
from keras_attention.mixed._residual_unit import ResidualUnit
from native_forms import definition
from references import mixed

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 6, 5, 8)).astype("float32")
NO_TORCH = "PyTorch, which is compared with, is not installed"

UNIT = [
    f"{sublayer}/{weight}"
    for number in (1, 2, 3)
    for sublayer, weights in (
        (f"norm_{number}", ("gamma", "beta", "moving_mean", "moving_variance")),
        (f"conv_{number}", ("kernel",)),
    )
    for weight in weights
]


def built(channels=8, data_format="channels_last", **kwargs):
    layer = ResidualAttention(data_format=data_format, **kwargs)
    layer.build(to_layout((None, None, None, channels), data_format))
    return layer


@pytest.fixture(scope="module")
def deep():
    """A layer with its defaults, whose poolings result in one position."""
    return Case(ResidualAttention, {}, (X.shape,)).generic()


def test_weights_are_named_for_their_roles():
    units = ["before_1", "trunk_1", "trunk_2"]
    units += [
        "hourglass/down_1",
        "hourglass/up_1",
        "hourglass/skip",
        "hourglass/inner/down_1",
        "hourglass/inner/up_1",
        "after_1",
    ]
    roles = {role(weight) for weight in built(depth=2).weights}
    head = {f"head/{weight}" for weight in UNIT[:10]}
    assert roles == head | {f"{unit}/{w}" for unit in units for w in UNIT}


@functools.cache
def module(channels, depth, reduction, groups, preactivation):
    """Return the numbers of weights and of statistics of a layer."""
    layer = built(
        channels,
        depth=depth,
        reduction=reduction,
        groups=groups,
        preactivation=preactivation,
        kernel_initializer="zeros",
    )
    return np.array(
        [
            sum(math.prod(weight.shape) for weight in weights)
            for weights in (
                layer.trainable_weights,
                layer.non_trainable_weights,
            )
        ]
    )


def norm(channels):
    """Return the numbers of weights and of statistics of a normalization."""
    return np.array([2, 2]) * channels


def conv(side, inputs, filters, groups=1):
    return np.array([side * side * inputs * filters // groups, 0])


def network(modules, *, reduction=4, groups=1, preactivation=True):
    """Count the parameters of a network of the paper."""

    def unit(inputs, filters):
        hidden = filters // reduction
        shortcut = 0
        if inputs != filters:
            shortcut = conv(1, inputs, filters)
            if not preactivation:
                shortcut = shortcut + norm(filters)
        return (
            norm(inputs if preactivation else filters)
            + conv(1, inputs, hidden)
            + norm(hidden)
            + conv(3, hidden, hidden, groups)
            + norm(hidden)
            + conv(1, hidden, filters)
            + shortcut
        )

    total = conv(7, 3, 64) + norm(64)
    inputs = 64
    for depth, channels, count in zip(
        (3, 2, 1), (256, 512, 1024), modules, strict=True
    ):
        total = total + unit(inputs, channels)
        total = total + count * module(
            channels, depth, reduction, groups, preactivation
        )
        inputs = channels
    total = total + unit(1024, 2048) + 2 * unit(2048, 2048)
    if preactivation:
        total = total + norm(2048)
    return tuple(total + np.array([2048 * 1000 + 1000, 0]))


def test_networks_have_as_many_parameters_as_published():
    assert network((1, 1, 1)) == (31_810_728, 72_704)
    assert network((1, 2, 3)) == (52_466_344, 133_632)
    attention_next = {"reduction": 2, "groups": 32, "preactivation": False}
    assert network((1, 1, 1), **attention_next) == (31_318_824, 98_432)


def test_groups_must_divide_hidden_channels():
    match = r"filters of .* size 3 \(4\)\. Received: groups=3$"
    with pytest.raises(ValueError, match=match):
        built(16, groups=3)


def test_a_deep_mask_equals_the_reference(deep):
    outputs, mask = deep(X, return_attention=True)
    expected, expected_mask = references.run(deep, [X])
    assert_close(outputs, expected)
    assert_close(mask, expected_mask)
    assert np.all((expected_mask > 0) & (expected_mask < 1))


def test_a_deep_mask_has_the_gradients_of_the_reference(deep):
    """Along one random direction of all weights, including skip connections."""
    layer = deep
    cotangent = RNG.normal(size=X.shape).astype("float32")
    _, gradients, weight_gradients = vjp(layer, [X], cotangent)
    point = references.point(layer, [X])
    moves = [True, *(weight.trainable for weight in layer.weights)]
    direction = [
        RNG.normal(size=array.shape) if move else np.zeros_like(array)
        for array, move in zip(point, moves, strict=True)
    ]
    found = sum(
        (gradient * v).sum()
        for gradient, v in zip(
            (*gradients, *weight_gradients.values()),
            filter(np.any, direction),
            strict=True,
        )
    )
    step = 1e-7
    ahead, behind = (
        [a + sign * step * v for a, v in zip(point, direction, strict=True)]
        for sign in (1, -1)
    )
    rise = references.outputs(layer, ahead) - references.outputs(layer, behind)
    expected = (rise * cotangent).sum() / (2 * step)
    assert abs(found - expected) <= 1e-3 * abs(expected)


@pytest.mark.parametrize("x", [X, X[:1, :1, :1]], ids=["map", "position"])
def test_training_updates_every_statistic(x, deep):
    before = [to_numpy(weight).copy() for weight in deep.weights]
    outputs, gradients, weight_gradients = vjp(
        deep, [x], np.ones_like(x), training=True
    )
    for array in (outputs, *gradients, *weight_gradients.values()):
        assert np.isfinite(array).all()
    for weight, old in zip(deep.weights, before, strict=True):
        assert np.any(to_numpy(weight) != old) != weight.trainable, weight.path


def mask_of(activation, z, data_format):
    function = MASK_ACTIVATIONS[activation]
    tensor = keras.ops.convert_to_tensor(to_layout(z, data_format))
    mask = keras.ops.convert_to_numpy(function(tensor, data_format))
    return to_last(mask, data_format)


def test_mixed_mask_is_the_sigmoid_of_the_paper(data_format):
    z = RNG.normal(size=(2, 5, 6, 7)).astype("float32") + 1
    mask = mask_of("mixed", z, data_format)
    assert_close(np.log(mask / (1 - mask)), z)


def test_channel_mask_has_a_norm_of_one_over_channels(data_format):
    z = RNG.normal(size=(2, 5, 6, 7)).astype("float32") + 1
    mask = mask_of("channel", z, data_format)
    assert_close(np.linalg.norm(mask, axis=-1), np.ones(z.shape[:-1]))
    assert np.all(np.sign(mask) == np.sign(z))


def test_spatial_mask_normalizes_scores_over_positions(data_format):
    z = RNG.normal(size=(2, 5, 6, 7)).astype("float32") + 1
    mask = mask_of("spatial", z, data_format)
    scores = np.log(mask / (1 - mask))
    assert_close(scores.mean(axis=(1, 2)) + 1, np.ones((2, 7)))
    assert_close(scores.std(axis=(1, 2), ddof=1), np.ones((2, 7)), 1e-4)
    gradient = (scores[0, 1, 1] - scores[0, 0, 0]) / (z[0, 1, 1] - z[0, 0, 0])
    assert np.all(gradient > 0)


@pytest.mark.parametrize("activation", ["mixed", "channel", "spatial"])
def test_scores_of_zero_have_a_mask_and_gradients(activation):
    function = MASK_ACTIVATIONS[activation]
    layer = keras.layers.Lambda(lambda z: function(z, "channels_last"))
    zeros = np.zeros_like(X)
    mask, (gradient,), _ = vjp(layer, [zeros], np.ones_like(X))
    assert_same(mask, zeros if activation == "channel" else zeros + 0.5)
    assert np.isfinite(gradient).all()


def test_channel_mask_does_not_overflow_in_float16():
    z = np.full((1, 2, 3, 64), 300, "float16")
    mask = to_numpy(MASK_ACTIVATIONS["channel"](ops.array(z), "channels_last"))
    assert_close(mask.astype("float32"), np.full(z.shape, 1 / 8), 1e-3)


def test_pooling_pads_with_minus_infinity(data_format):
    """Negative values stay negative in a mask branch that only pools."""
    hourglass = Hourglass(
        1,
        1,
        lambda name: keras.layers.Identity(name=name),
        align_corners=False,
        data_format=data_format,
    )
    x = -1 - np.abs(X)
    y = to_last(hourglass(to_layout(x, data_format)), data_format)
    pooled = mixed.max_pool(x)
    assert_close(y, mixed.resize(pooled, x.shape, align_corners=False))
    assert pooled.shape == (2, 3, 3, 8)
    assert pooled.max() <= -1


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(
    ("old", "new"),
    [((4, 5), (8, 9)), ((4, 3), (7, 5)), ((1, 2), (1, 5)), ((1, 1), (2, 3))],
    ids=str,
)
class TestResize:
    @pytest.fixture
    def x(self, old, rng):
        return rng.normal(size=(2, *old, 3)).astype("float32")

    def test_equals_the_reference(self, x, new, align_corners):
        expected = mixed.resize(x, (2, *new, 3), align_corners)
        for layout in LAYOUTS:
            found = definition("resize_linear")(
                ops.array(to_layout(x, layout)),
                new,
                align_corners=align_corners,
                data_format=layout,
            )
            assert_close(to_last(found, layout), expected)

    def test_reference_equals_pytorch(self, x, new, align_corners):
        torch = pytest.importorskip("torch", reason=NO_TORCH)
        expected = torch.nn.functional.interpolate(
            torch.tensor(x.transpose(0, 3, 1, 2)),
            new,
            mode="bilinear",
            align_corners=align_corners,
        )
        found = mixed.resize(x, (2, *new, 3), align_corners)
        assert_close(found, expected.numpy().transpose(0, 2, 3, 1))


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (7, 8)], ids=str)
def test_resizing_without_align_corners_equals_keras(size, rng):
    x = rng.normal(size=(2, *size, 3)).astype("float32")
    new = [2 * n - n % 2 for n in size]
    settings = {"data_format": "channels_last"}
    expected = ops.image.resize(ops.array(x), new, "bilinear", **settings)
    found = definition("resize_linear")(
        ops.array(x), new, align_corners=False, **settings
    )
    assert_close(found, expected)


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_unit_equals_pytorch(training, data_format):
    """Forward, gradients and, after a step, the statistics."""
    torch = pytest.importorskip("torch", reason=NO_TORCH)
    torch.manual_seed(0)
    sides = [(8, 4, 1), (4, 4, 3), (4, 8, 1)]
    baseline = torch.nn.Sequential()
    for number, (inputs, filters, side) in enumerate(sides, 1):
        conv = torch.nn.Conv2d(
            inputs,
            filters,
            side,
            padding=side // 2,
            bias=False,
            groups=2 if side == 3 else 1,
        )
        norm = torch.nn.BatchNorm2d(inputs)
        for tensor in (*norm.parameters(), norm.running_mean):
            torch.nn.init.normal_(tensor)
        baseline.add_module(f"norm_{number}", norm)
        baseline.add_module(f"relu_{number}", torch.nn.ReLU())
        baseline.add_module(f"conv_{number}", conv)
    baseline.train(training)
    layer = ResidualUnit(
        ((4, 1, 1), (4, 3, 2), (8, 1, 1)),
        kernel_initializer=keras.initializers.Zeros(),
        kernel_regularizer=None,
        data_format=data_format,
        name="unit",
    )
    layer.build(to_layout(X.shape, data_format))
    names = {
        "gamma": "weight",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
        "kernel": "weight",
    }

    def theirs(weight, tensors):
        part, kind = role(weight).split("/")
        array = tensors[f"{part}.{names[kind]}"].detach().numpy()
        return array.transpose(2, 3, 1, 0) if kind == "kernel" else array.copy()

    layer.set_weights([theirs(w, baseline.state_dict()) for w in layer.weights])
    cotangent = np.random.default_rng(1).normal(size=X.shape).astype("float32")
    x = torch.tensor(X.transpose(0, 3, 1, 2)).requires_grad_()
    y = x + baseline(x)
    (y * torch.tensor(cotangent.transpose(0, 3, 1, 2))).sum().backward()

    outputs, (gradient,), weight_gradients = vjp(
        layer,
        [to_layout(X, data_format)],
        to_layout(cotangent, data_format),
        training=training,
    )
    assert_close(
        to_last(outputs, data_format), y.detach().numpy().transpose(0, 2, 3, 1)
    )
    assert_close(
        to_last(gradient, data_format), x.grad.numpy().transpose(0, 2, 3, 1)
    )
    gradients = {name: p.grad for name, p in baseline.named_parameters()}
    for weight in layer.trainable_weights:
        assert_close(weight_gradients[role(weight)], theirs(weight, gradients))
    samples = X.size // X.shape[-1]
    for weight in layer.non_trainable_weights:
        expected = theirs(weight, baseline.state_dict())
        if training and role(weight).endswith("moving_variance"):
            # PyTorch stores the unbiased variance, Keras the biased one.
            expected = 0.9 + (expected - 0.9) * (samples - 1) / samples
        assert_close(weight, expected)
