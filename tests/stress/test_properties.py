"""Properties of all generated cases.

A test has a `GeneratedCase` as its argument. The tolerance follows from the
reference itself: from how much its outputs change if its inputs and weights are
rounded, as sums of random numbers may cancel.
"""

import keras
import numpy as np
import pytest

from autodiff import BACKEND
from autodiff import float64
from autodiff import vjp
from contract.case import to_numpy
from stress.generated import expected
from stress.generated import point_of
from stress.generated import run
from stress.selection import for_generated_cases
from stress.selection import not_by_default_on_jax


def close(generated, layer, inputs, outputs, rounding, share=1e-5):
    """Compare outputs with the reference, up to rounding.

    `rounding` is the relative rounding error of inputs and weights, `share` the
    tolerance as a share of the largest output.
    """
    point = point_of(layer, inputs)
    right = expected(layer, point)
    assert outputs.shape == right.shape
    rng = generated.rng("rounding")
    moved = 0.0
    for _ in range(3):
        off = [a * (1 + rounding * rng.normal(size=a.shape)) for a in point]
        moved = np.maximum(moved, np.abs(expected(layer, off) - right))
    # The largest change of any output, as sums are over many locations.
    tolerance = share * np.abs(right).max(initial=0) + 30 * moved.max(initial=0)
    tolerance *= generated.tolerance_factor
    worst = np.abs(outputs - right).max(initial=0)
    assert worst <= tolerance, f"off by {worst}, where {tolerance} is allowed"


@for_generated_cases
def test_values_equal_the_reference(generated):
    layer = generated.layer()
    # Large images saturate the tanh of locations at the end of the map.
    for scale in (1.0, 0.01) if generated.discontinuous else (1.0, 0.01, 30.0):
        inputs = generated.inputs(scale)
        outputs = run(generated, layer, inputs)
        assert outputs.dtype == "float32"
        close(generated, layer, inputs, outputs, 1e-7)


def contains_given_networks(generated):
    """Return whether a case has convolutions of Keras.

    Those of TensorFlow do not support empty batches.
    """
    return generated.case.has_networks


@not_by_default_on_jax
@for_generated_cases
def test_float64_equals_the_reference(generated):
    with float64():
        layer = generated.layer(dtype="float64")
        inputs = generated.inputs(dtype="float64")
        outputs = run(generated, layer, inputs)
        assert outputs.dtype == "float64"
    # On PyTorch, Keras' dense layers compute float64 in float32, on JAX its
    # means do.
    narrow = contains_given_networks(generated) or (
        BACKEND == "torch"
        and any(
            isinstance(sublayer, keras.layers.Dense)
            for sublayer in layer._flatten_layers()
        )
    )
    if narrow:
        close(generated, layer, inputs, outputs, 1e-7)
    else:
        close(generated, layer, inputs, outputs, 1e-15, 1e-11)


@not_by_default_on_jax
@for_generated_cases
def test_half_precision_is_close(generated):
    """The error is at most that of rounding inputs and weights."""
    if generated.discontinuous:
        pytest.skip("rounding changes the locations")
    for dtype, rounding in (("float16", 1e-3), ("bfloat16", 8e-3)):
        layer = generated.layer(dtype=f"mixed_{dtype}")
        inputs = generated.inputs()
        outputs = run(generated, layer, inputs)
        # Keras converts bfloat16 of JAX to float32 for NumPy.
        known = (
            dtype,
            *generated.other_dtypes,
            *["float32"] * (dtype == "bfloat16"),
        )
        assert str(outputs.dtype) in known, outputs.dtype
        close(
            generated, layer, inputs, outputs.astype("float32"), rounding, 0.05
        )


@not_by_default_on_jax
@for_generated_cases
def test_gradients_equal_those_of_the_reference(generated):
    if not generated.gradients:
        pytest.skip("not all inputs have a gradient")
    layer, inputs = generated.layer(), generated.inputs()
    point = point_of(layer, inputs)
    right = expected(layer, point)
    cotangent = generated.rng("cotangent").normal(size=right.shape)
    cotangent = cotangent.astype("float32")
    moved = np.moveaxis(cotangent, -1, generated.axis_of(cotangent.ndim))
    _, gradients, weight_gradients = vjp(
        layer, generated.to_layout(inputs), moved
    )
    weights = [weight for weight in layer.weights if weight.trainable]
    assert len(weight_gradients) == len(weights)
    rng = generated.rng("directions")
    # Along one direction of all inputs and weights, in the data format.
    directions = [rng.normal(size=gradient.shape) for gradient in gradients]
    weight_directions = [rng.normal(size=weight.shape) for weight in weights]
    found = sum(
        (gradient * direction).sum()
        for gradient, direction in zip(
            [*gradients, *weight_gradients.values()],
            [*directions, *weight_directions],
            strict=True,
        )
    )
    for gradient in (*gradients, *weight_gradients.values()):
        assert np.isfinite(gradient).all()
    # The directions of inputs in channels last, as in the reference.
    steps = [
        unmoved(generated, direction, index).astype("float64")
        for index, direction in enumerate(directions)
    ]
    of_weight = iter(weight_directions)
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
    if abs(right - again) > 1e-4 * max(abs(right), 1):
        pytest.skip("the outputs are not differentiable in this interval")
    norm = np.sqrt(
        sum((s**2).sum() for s in (*gradients, *weight_gradients.values()))
    )
    tolerance = 3e-4 * generated.tolerance_factor * max(norm, abs(right), 1e-3)
    assert abs(found - right) <= tolerance, f"{found} is not {right}"


def unmoved(generated, array, index):
    """Convert an input back to `channels_last`."""
    shapes = list(generated.case.shapes)
    # A shape of distinct sizes identifies each axis.
    shapes[index] = marks = tuple(range(100, 100 + array.ndim))
    moved = list(generated.to_layout(shapes)[index])
    return array.transpose([moved.index(mark) for mark in marks])


@not_by_default_on_jax
@for_generated_cases
def test_large_inputs_stay_finite(generated):
    layer = generated.layer(initial=True)
    for inputs in (
        generated.inputs(1e4, bounded=True),
        filled(generated, 1e4),
        filled(generated, -1e4),
    ):
        assert np.isfinite(run(generated, layer, inputs)).all()


@not_by_default_on_jax
@for_generated_cases
def test_large_half_inputs_stay_finite(generated):
    for dtype in ("mixed_float16", "float16"):
        layer = generated.layer(initial=True, dtype=dtype)
        for inputs in (
            generated.inputs(1e3, bounded=True),
            filled(generated, 1e3),
        ):
            half = [a.astype("float16") for a in inputs]
            outputs = run(generated, layer, half).astype("float32")
            assert np.isfinite(outputs).all()


def filled(generated, value):
    """Return inputs with images of one value."""
    pairs = zip(generated.inputs(), generated.kinds, strict=True)
    return [np.full_like(a, value) if k == "map" else a for a, k in pairs]


@not_by_default_on_jax
@for_generated_cases
def test_a_sample_does_not_depend_on_the_batch(generated):
    layer, inputs = generated.layer(), generated.inputs()
    together = run(generated, layer, inputs)
    for sample in range(len(together)):
        own = generated.of_samples(inputs, slice(sample, sample + 1))
        alone = run(generated, layer, own)
        np.testing.assert_array_equal(alone.shape[1:], together.shape[1:])
        close(generated, layer, own, alone, 1e-7)
        close(generated, layer, own, together[sample : sample + 1], 1e-7)


@for_generated_cases
def test_nan_stays_in_its_sample(generated):
    layer, inputs = generated.layer(), generated.inputs()
    before = run(generated, layer, inputs)
    index = int(generated.rng("nan").integers(len(before)))
    others = np.arange(len(before)) != index
    corrupted = [a.copy() for a in inputs]
    images = corrupted[0][index]
    if generated.resamples:
        images[...] = np.nan  # as one value may not be sampled
    else:
        images[tuple(generated.rng("where").integers(images.shape))] = np.nan
    after = run(generated, layer, corrupted)
    np.testing.assert_array_equal(after[others], before[others])
    assert np.isnan(after[index]).any() or generated.discontinuous


@for_generated_cases
def test_empty_batch_is_empty_or_raises(generated):
    layer, inputs = generated.layer(), generated.inputs()
    full = run(generated, layer, inputs)
    try:
        empty = run(generated, layer, generated.of_samples(inputs, slice(0, 0)))
    except Exception as error:
        # The error may be that of the backend, for networks of the user.
        messages = ("at least one sample", "max of an empty tensor")
        if not any(words in str(error) for words in messages) and not (
            BACKEND == "tensorflow" and contains_given_networks(generated)
        ):
            raise
    else:
        assert to_numpy(empty).shape == (0, *full.shape[1:])
