"""How long a backend compiles a training step.

It is what the first call takes longer than the second one. A side is compiled
twice, and the shorter time counts, as the first compilation of a process also
starts the compiler.
"""

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import keras

from benchmarks import layers
from benchmarks import network
from benchmarks import runners
from benchmarks import timing
from benchmarks.cases import QUICK
from benchmarks.cases import USUAL
from benchmarks.cases import Case
from keras_attention import models

_WAYS = {"jax": "jit", "tensorflow": "xla", "torch": "compile"}
_NETWORKS = ("SEResNet50", "CBAMResNet50", "SKNet50")
_SIDE, _BATCH = 64, 2


class Compilation(NamedTuple):
    """Seconds of the compilation of each side.

    The baseline of a network is `keras.applications.ResNet50`.
    """

    layer: str
    ours: float
    baseline: float


def measure(case: Case, *, quick: bool = False) -> Compilation:
    """Compile a layer and its baseline."""
    shape = (QUICK if quick else USUAL)[0]
    sides = layers.training_steps(case, shape, _WAYS[runners.BACKEND])
    return Compilation(case.name, *_seconds(*sides))


def measure_networks() -> Iterator[Compilation]:
    """Compile networks, each beside Keras' ResNet-50."""
    settings = {
        "weights": None,
        "input_shape": (_SIDE, _SIDE, 3),
        "classes": network.CLASSES,
    }

    def step(builder: Callable[..., keras.Model]) -> Callable[[], Any]:
        model = builder(**settings, classifier_activation=None)
        return network.step(model, _BATCH, _SIDE, jit_compile=True)

    for name in _NETWORKS:
        builders = (getattr(models, name), keras.applications.ResNet50)
        sides = (lambda builder=builder: step(builder) for builder in builders)
        yield Compilation(name, *_seconds(*sides))


def _seconds(*sides: Callable[[], Callable[[], Any]]) -> list[float]:
    """Return the least time in which each of the functions is compiled."""
    rounds = [[_compilation(make()) for make in sides] for _ in range(2)]
    return [min(times) for times in zip(*rounds, strict=True)]


def _compilation(function: Callable[[], Any]) -> float:
    first = timing.seconds(function)
    return max(first - timing.seconds(function), 0)
