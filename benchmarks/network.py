"""A training step of a small residual network, with and without attention."""

from collections.abc import Callable
from collections.abc import Container
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

import keras_attention
from benchmarks import timing

CLASSES = 10
_BATCH, _SIDE = 16, 56
_QUICK_BATCH, _QUICK_SIDE = 2, 12
_WIDTHS = (32, 64, 128)

GATES = {
    "SqueezeExcite": keras_attention.SqueezeExcite,
    "GatedChannelTransform": keras_attention.GatedChannelTransform,
    "SpatialGroupEnhance": lambda: keras_attention.SpatialGroupEnhance(8),
    "CBAM": lambda: keras_attention.CBAM(16),
    "MultiScaleChannelAttention": keras_attention.MultiScaleChannelAttention,
}
FUSIONS = {
    "AttentionalFeatureFusion": keras_attention.AttentionalFeatureFusion,
}


class Cost(NamedTuple):
    """Ratio of the times of a step with and without a layer."""

    layer: str
    ratio: timing.Ratio


def measure(
    names: Container[str], *, quick: bool = False, **budget: Any
) -> Iterator[Cost]:
    """Measure steps with each layer and without, in turns."""
    size = (_QUICK_BATCH, _QUICK_SIDE) if quick else (_BATCH, _SIDE)
    plain = step(_network(size[1]), *size)
    for name in (*GATES, *FUSIONS):
        if name not in names:
            continue
        network = _network(size[1], GATES.get(name), FUSIONS.get(name))
        yield Cost(name, timing.compare(step(network, *size), plain, **budget))


def _network(
    side: int, gate: Callable | None = None, fusion: Callable | None = None
) -> keras.Model:
    """Return a network of two blocks per stage."""
    x = images = keras.Input((side, side, 3))
    x = keras.layers.Conv2D(_WIDTHS[0], 3, padding="same")(x)
    for stage, width in enumerate(_WIDTHS):
        for block in range(2):
            strides = 2 if stage and not block else 1
            y = _conv(x, width, strides)
            y = keras.layers.BatchNormalization()(_conv(y, width, 1))
            if gate:
                y = gate()(y)
            if strides > 1:
                x = keras.layers.Conv2D(width, 1, strides)(x)
            x = fusion()(y, x) if fusion else keras.layers.Add()([y, x])
            x = keras.layers.ReLU()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(CLASSES)(x))


def _conv(x: Any, width: int, strides: int) -> Any:
    x = keras.layers.Conv2D(width, 3, strides, padding="same")(x)
    x = keras.layers.BatchNormalization()(x)
    return keras.layers.ReLU()(x)


def step(
    network: keras.Model,
    batch: int,
    side: int,
    jit_compile: bool | str = "auto",
) -> Callable[[], Any]:
    """Return a function that takes one step, as `fit` does."""
    network.compile(
        keras.optimizers.SGD(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=jit_compile,
    )
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, side, side, 3)).astype("float32")
    y = rng.integers(0, CLASSES, batch)
    return lambda: network.train_on_batch(x, y)
