"""Comparison of every layer with its baseline."""

import functools
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from benchmarks import baselines
from benchmarks import runners
from benchmarks import timing
from benchmarks.cases import PIXELS
from benchmarks.cases import Case
from benchmarks.cases import Shape


class Result(NamedTuple):
    """The results of one comparison.

    `way` is "eager" or "compiled". The latter is the fastest compiler of the
    backend, for each side.
    """

    layer: str
    shape: str
    pass_: str
    way: str
    ratio: timing.Ratio


def measure(
    case: Case,
    shape: Shape,
    *,
    eager: bool = True,
    optional_ways: bool = False,
    **budget: Any,
) -> Iterator[Result]:
    """Compare the results of a layer and its baseline, then their times.

    Args:
        case: The layer.
        shape: Shape of its input.
        eager: Whether to also measure without a compiler, if there is one.
        optional_ways: Whether to also measure the optional ways of the
            backend.
        **budget: Arguments of `timing.compare`.
    """
    runner = runners.active()
    all_ways = runner.WAYS
    if optional_ways:
        all_ways += runner.OPTIONAL_WAYS
    layer, arrays = case.layer(shape), case.arrays(shape)
    function = baselines.find(case.baseline)
    for training in (False, True):
        sides = {
            way: (
                runner.ours(layer, arrays, training, way),
                runner.baseline(function, layer, arrays, training, way),
            )
            for way in all_ways
        }
        plain, *compiled = all_ways
        check(
            *sides[compiled[0] if compiled else plain],
            # Locations that are whole pixels except for rounding.
            tolerance=1e-2 if case.jumps == PIXELS else 1e-3,
            stray=case.jumps,
        )
        ways = {}
        if eager or not compiled:
            ways["eager"] = (plain, plain)
        if compiled:
            ways["compiled"] = (
                timing.fastest({way: sides[way][0] for way in compiled}),
                timing.fastest({way: sides[way][1] for way in compiled}),
            )
        for name, (our_way, baseline_way) in ways.items():
            ratio = timing.compare(
                sides[our_way][0], sides[baseline_way][1], **budget
            )
            which = "training" if training else "forward"
            yield Result(case.name, str(shape), which, name, ratio)


def training_steps(
    case: Case, shape: Shape, way: str
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return functions that make the training step of each side anew."""
    runner = runners.active()
    layer, arrays = case.layer(shape), case.arrays(shape)
    function = baselines.find(case.baseline)
    return (
        functools.partial(runner.ours, layer, arrays, True, way),
        functools.partial(runner.baseline, function, layer, arrays, True, way),
    )


def check(
    ours: Any, baseline: Any, tolerance: float = 1e-3, stray: float = 0
) -> None:
    """Raise an error unless the results of both are equal.

    A share `stray` of each gradient may differ. Updated statistics are not
    compared.
    """
    found, expected = ours(), baseline()
    if not isinstance(found, tuple):
        found, expected = (found,), (expected,)
    outputs, *gradients = found
    baseline_outputs, *baseline_gradients = expected
    kinds = {"outputs": {"": (outputs, baseline_outputs)}}
    if gradients:
        of_inputs, of_weights = gradients[:2]
        baseline_of_inputs, baseline_of_weights = baseline_gradients[:2]
        kinds["gradient of input"] = dict(
            enumerate(zip(of_inputs, baseline_of_inputs, strict=True))
        )
        kinds["gradient of"] = {
            name: (gradient, baseline_of_weights[name])
            for name, gradient in of_weights.items()
        }
    for kind, pairs in kinds.items():
        arrays = {
            f"{kind} {name}": [keras.ops.convert_to_numpy(x) for x in pair]
            for name, pair in pairs.items()
            if all(x is not None for x in pair)
        }
        # One scale for all gradients, as a gradient that should be zero, such
        # as that of a bias before normalization, has the rounding errors of the
        # others.
        scale = max(
            (float(np.abs(x).max()) for _, x in arrays.values()), default=1
        )
        scale = scale or 1
        for name, (mine, other) in arrays.items():
            if kind == "gradient of" and keras.config.backend() == "torch":
                other = _from_torch(other)
            if kind != "outputs" and stray:
                is_stray = np.abs(mine - other) > tolerance * scale
                if is_stray.mean() <= stray:
                    continue
            np.testing.assert_allclose(
                mine / scale, other / scale, atol=tolerance, err_msg=name
            )


def _from_torch(array: np.ndarray) -> np.ndarray:
    """Convert the gradient of a PyTorch kernel to the axis order of Keras."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T
