"""Every layer against its peer."""

from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from benchmarks import engines
from benchmarks import peers
from benchmarks import timing
from benchmarks.cases import Case
from benchmarks.cases import Shape


class Result(NamedTuple):
    """What one comparison came to.

    `way` is how both sides ran: "eager", or "compiled", which is the faster of
    what compilers a backend has, for each side.
    """

    layer: str
    shape: str
    pass_: str
    way: str
    ratio: timing.Ratio


def measure(case: Case, shape: Shape, **budget: Any) -> Iterator[Result]:
    """Check the peer of a layer, then time both."""
    engine = engines.active()
    layer, arrays = case.layer(shape), case.arrays(shape)
    function = peers.find(case.peer)
    for training in (False, True):
        sides = {
            way: (
                engine.ours(layer, arrays, training, way),
                engine.peer(function, layer, arrays, training, way),
            )
            for way in engine.WAYS
        }
        eager, *compiled = engine.WAYS
        check(
            *sides[compiled[0] if compiled else eager],
            stray=0.05 if case.jumps else 0,
        )
        ways = {"eager": (eager, eager)}
        if compiled:
            ways["compiled"] = (
                timing.fastest({way: sides[way][0] for way in compiled}),
                timing.fastest({way: sides[way][1] for way in compiled}),
            )
        for name, (our_way, peer_way) in ways.items():
            ratio = timing.compare(
                sides[our_way][0], sides[peer_way][1], **budget
            )
            which = "training" if training else "forward"
            yield Result(case.name, str(shape), which, name, ratio)


def check(
    ours: Any, peer: Any, tolerance: float = 2e-4, stray: float = 0
) -> None:
    """Raise an error unless both come to the same numbers.

    A share `stray` of each gradient may be others. The statistics that they
    leave behind are not compared.
    """
    found, expected = ours(), peer()
    if not isinstance(found, tuple):
        found, expected = (found,), (expected,)
    outputs, *gradients = found
    peer_outputs, *peer_gradients = expected
    pairs = {"outputs": (outputs, peer_outputs)}
    if gradients:
        of_inputs, of_weights = gradients[:2]
        peer_of_inputs, peer_of_weights = peer_gradients[:2]
        for i, pair in enumerate(zip(of_inputs, peer_of_inputs, strict=True)):
            pairs[f"gradient of input {i}"] = pair
        for name, gradient in of_weights.items():
            theirs = peer_of_weights[name]
            pairs[f"gradient of {name}"] = (gradient, theirs)
    for name, pair in pairs.items():
        if any(x is None for x in pair):
            continue
        mine, other = map(keras.ops.convert_to_numpy, pair)
        if mine.shape != other.shape or keras.config.backend() == "torch":
            other = _from_torch(name, other)
        scale = max(1.0, float(np.abs(other).max()))
        if name != "outputs" and stray:
            is_stray = np.abs(mine - other) > tolerance * scale
            if is_stray.mean() <= stray:
                continue
        np.testing.assert_allclose(
            mine / scale, other / scale, atol=tolerance, err_msg=name
        )


def _from_torch(name: str, array: np.ndarray) -> np.ndarray:
    """Return the gradient of a kernel of PyTorch in the layout of Keras."""
    if name.startswith("gradient of input") or name == "outputs":
        return array
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T
