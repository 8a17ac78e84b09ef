"""What must hold of everything that is drawn.

A property takes a `Drawn`. How far numbers may be from the equation depends on
how far the equation itself moves when its inputs and weights are rounded:
random arguments meet random numbers, and some of them cancel.
"""

import keras
import numpy as np

from autodiff import BACKEND
from autodiff import float64
from autodiff import vjp
from contract.case import to_numpy
from stress.generated import expected
from stress.generated import point_of
from stress.generated import run

PROPERTIES = {}


def prop(check):
    PROPERTIES[check.__name__] = check
    return check


def close(drawn, layer, inputs, outputs, rounding, share=1e-5):
    """Hold outputs against the equation, but for what rounding may do.

    `rounding` is how much the numbers that all is computed with may be off,
    `share` how much of the largest output any output may be.
    """
    point = point_of(layer, inputs)
    right = expected(layer, point)
    assert outputs.shape == right.shape
    rng = drawn.rng("rounding")
    moved = 0.0
    for _ in range(3):
        off = [a * (1 + rounding * rng.normal(size=a.shape)) for a in point]
        moved = np.maximum(moved, np.abs(expected(layer, off) - right))
    # Anywhere, as sums go over many places.
    room = share * np.abs(right).max(initial=0) + 30 * moved.max(initial=0)
    room *= drawn.leeway
    worst = np.abs(outputs - right).max(initial=0)
    assert worst <= room, f"off by {worst}, where {room} is allowed"


@prop
def values_are_the_reference(drawn):
    layer = drawn.layer()
    # Large images lead to places at the very end, of a tanh that is 1 or not.
    for scale in (1.0, 0.01) if drawn.steps else (1.0, 0.01, 30.0):
        inputs = drawn.inputs(scale)
        outputs = run(drawn, layer, inputs)
        assert outputs.dtype == "float32"
        close(drawn, layer, inputs, outputs, 1e-7)


def of_given_networks(drawn):
    """Return whether Keras' own convolutions are in what was drawn.

    Those of TensorFlow know no empty batches.
    """
    return drawn.case.layer_cls.__name__ == "DynamicCapacityNetwork"


@prop
def float64_is_the_reference(drawn):
    with float64():
        layer = drawn.layer(dtype="float64")
        inputs = drawn.inputs(dtype="float64")
        outputs = run(drawn, layer, inputs)
        assert outputs.dtype == "float64"
    # On PyTorch, Keras' dense layers compute float64 in float32, on JAX its
    # means do.
    narrow = of_given_networks(drawn) or (
        BACKEND == "torch"
        and any(
            isinstance(sublayer, keras.layers.Dense)
            for sublayer in layer._flatten_layers()
        )
    )
    if narrow:
        close(drawn, layer, inputs, outputs, 1e-7)
    else:
        close(drawn, layer, inputs, outputs, 1e-15, 1e-11)


@prop
def half_precision_is_near(drawn):
    """Nearer than numbers of so few digits, many of them, could make it."""
    if drawn.steps:
        return  # a place that is rounded is another place
    for dtype, rounding in (("float16", 1e-3), ("bfloat16", 8e-3)):
        layer = drawn.layer(dtype=f"mixed_{dtype}")
        inputs = drawn.inputs()
        outputs = run(drawn, layer, inputs)
        # Keras widens what JAX has in bfloat16 for NumPy.
        known = (dtype, *drawn.wider, *["float32"] * (dtype == "bfloat16"))
        assert str(outputs.dtype) in known, outputs.dtype
        close(drawn, layer, inputs, outputs.astype("float32"), rounding, 0.05)


@prop
def gradients_equal_those_of_the_reference(drawn):
    if not drawn.gradients:
        return
    layer, inputs = drawn.layer(), drawn.inputs()
    point = point_of(layer, inputs)
    right = expected(layer, point)
    cotangent = drawn.rng("cotangent").normal(size=right.shape)
    cotangent = cotangent.astype("float32")
    moved = np.moveaxis(cotangent, -1, axis_of(drawn, cotangent.ndim))
    _, gradients, weight_gradients = vjp(layer, drawn.moved(inputs), moved)
    weights = [weight for weight in layer.weights if weight.trainable]
    assert len(weight_gradients) == len(weights)
    rng = drawn.rng("directions")
    # Along one direction in all inputs and weights at once, in the layout.
    ways = [rng.normal(size=gradient.shape) for gradient in gradients]
    weight_ways = [rng.normal(size=weight.shape) for weight in weights]
    found = sum(
        (gradient * way).sum()
        for gradient, way in zip(
            [*gradients, *weight_gradients.values()],
            [*ways, *weight_ways],
            strict=True,
        )
    )
    for gradient in (*gradients, *weight_gradients.values()):
        assert np.isfinite(gradient).all()
    # The directions of inputs as the reference has them: channels last.
    steps = [
        unmoved(drawn, way, place).astype("float64")
        for place, way in enumerate(ways)
    ]
    of_weight = iter(weight_ways)
    steps += [
        next(of_weight) if weight.trainable else np.zeros(weight.shape)
        for weight in layer.weights
    ]

    def rise(step):
        ahead = [a + step * v for a, v in zip(point, steps, strict=True)]
        behind = [a - step * v for a, v in zip(point, steps, strict=True)]
        rises = expected(layer, ahead) - expected(layer, behind)
        return (rises * cotangent).sum() / (2 * step)

    right, again = rise(1e-6), rise(1e-7)
    # A kink, or a step, lies between: there is no one gradient.
    if abs(right - again) > 1e-4 * max(abs(right), 1):
        return
    norm = np.sqrt(
        sum((s**2).sum() for s in (*gradients, *weight_gradients.values()))
    )
    room = 3e-4 * drawn.leeway * max(norm, abs(right), 1e-3)
    assert abs(found - right) <= room, f"{found} is not {right}"


def axis_of(drawn, rank):
    """Return where outputs have their channels."""
    if drawn.layout == "channels_last" or rank < 3:
        return -1
    if drawn.case.layer_cls.__name__ == "GlimpseSensor":
        return 2
    axis = getattr(drawn.case.layer_cls, "channels_out", 1)
    return -1 if axis is None else axis


def unmoved(drawn, array, place):
    """Return an input in `channels_last` again."""
    shapes = list(drawn.case.shapes)
    # A shape of sizes that are all different tells where each axis went.
    shapes[place] = marks = tuple(range(100, 100 + array.ndim))
    moved = list(drawn.moved(shapes)[place])
    return array.transpose([moved.index(mark) for mark in marks])


@prop
def large_inputs_stay_finite(drawn):
    layer = drawn.layer(initial=True)
    for inputs in (
        drawn.inputs(1e4, bounded=True),
        filled(drawn, 1e4),
        filled(drawn, -1e4),
    ):
        assert np.isfinite(run(drawn, layer, inputs)).all()


@prop
def large_half_inputs_stay_finite(drawn):
    for dtype in ("mixed_float16", "float16"):
        layer = drawn.layer(initial=True, dtype=dtype)
        for inputs in (
            drawn.inputs(1e3, bounded=True),
            filled(drawn, 1e3),
        ):
            half = [a.astype("float16") for a in inputs]
            outputs = run(drawn, layer, half).astype("float32")
            assert np.isfinite(outputs).all()


def filled(drawn, value):
    """Return inputs whose images are of one value."""
    pairs = zip(drawn.inputs(), drawn.kinds, strict=True)
    return [np.full_like(a, value) if k == "map" else a for a, k in pairs]


@prop
def a_sample_does_not_depend_on_the_batch(drawn):
    layer, inputs = drawn.layer(), drawn.inputs()
    together = run(drawn, layer, inputs)
    for sample in range(len(together)):
        own = drawn.of_samples(inputs, slice(sample, sample + 1))
        alone = run(drawn, layer, own)
        np.testing.assert_array_equal(alone.shape[1:], together.shape[1:])
        close(drawn, layer, own, alone, 1e-7)
        close(drawn, layer, own, together[sample : sample + 1], 1e-7)


@prop
def nan_stays_in_its_sample(drawn):
    layer, inputs = drawn.layer(), drawn.inputs()
    before = run(drawn, layer, inputs)
    sick = int(drawn.rng("nan").integers(len(before)))
    well = np.arange(len(before)) != sick
    spoilt = [a.copy() for a in inputs]
    images = spoilt[0][sick]
    if drawn.reads:
        images[...] = np.nan  # as one value may not be looked at
    else:
        images[tuple(drawn.rng("where").integers(images.shape))] = np.nan
    after = run(drawn, layer, spoilt)
    np.testing.assert_array_equal(after[well], before[well])
    assert np.isnan(after[sick]).any() or drawn.steps


@prop
def an_empty_batch_is_empty_or_told(drawn):
    layer, inputs = drawn.layer(), drawn.inputs()
    full = run(drawn, layer, inputs)
    try:
        empty = run(drawn, layer, drawn.of_samples(inputs, slice(0, 0)))
    except Exception as error:
        # Of the backend, perhaps, in a network that a user gives.
        told = ("at least one sample", "max of an empty tensor")
        if not any(words in str(error) for words in told) and not (
            BACKEND == "tensorflow" and of_given_networks(drawn)
        ):
            raise
    else:
        assert to_numpy(empty).shape == (0, *full.shape[1:])
