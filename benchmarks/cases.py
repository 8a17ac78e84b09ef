"""Benchmark cases: layers, their input shapes and their baselines."""

import dataclasses
import functools
import re
import types
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import keras_attention
from keras_attention import _cards
from keras_attention._utils import data_formats

PIXELS, KINKS = 0.1, 1e-3


@dataclasses.dataclass(frozen=True)
class Shape:
    """A batch of maps."""

    batch: int
    height: int
    width: int
    channels: int
    data_format: str = "channels_last"

    def __str__(self) -> str:
        first = " first" if self.data_format == "channels_first" else ""
        return f"{self.batch}x{self.height}x{self.width}x{self.channels}{first}"

    @property
    def tensor(self) -> tuple[int, ...]:
        """Sizes in the order of `data_format`."""
        last = (self.batch, self.height, self.width, self.channels)
        return tuple(
            data_formats.shape_from_channels_last(last, self.data_format)
        )


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer and its inputs.

    Attributes:
        name: Name of the public class, and in snake case of the baseline.
        make: Function from a shape to the layer, not built.
        seconds: Shape of a second input, if any.
        all_shapes: Shapes of all inputs, if they are not a map and maybe a
            second input.
        jumps: Share of gradients that may differ by rounding, as they are
            discontinuous: at whole pixels, or at the kink of a ReLU.
    """

    name: str
    make: Callable[[Shape], keras.layers.Layer]
    seconds: Callable[[Shape], tuple[int, ...]] | None = None
    jumps: float = 0
    all_shapes: Callable[[Shape], list[tuple[int, ...]]] | None = None

    @property
    def baseline(self) -> str:
        """Name of the baseline."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name).lower()

    def layer(self, shape: Shape) -> keras.layers.Layer:
        """Return the layer, built, with nonzero weights."""
        layer = self.make(shape)
        layer.build(*self._shapes(shape))
        rng = np.random.default_rng(0)
        for weight in layer.weights:
            if weight.dtype != "float32":
                continue
            new = np.asarray(keras.ops.convert_to_numpy(weight))
            new = new + 0.1 * np.abs(rng.normal(size=weight.shape))
            weight.assign(new.astype("float32"))
        return layer

    def arrays(self, shape: Shape) -> list[np.ndarray]:
        """Return the inputs, which nothing may write to."""
        return [
            normal(seed, size)
            for seed, size in enumerate(self._shapes(shape), 1)
        ]

    def _shapes(self, shape: Shape) -> list[tuple[int, ...]]:
        """Return the shapes of the inputs."""
        if self.all_shapes:
            return self.all_shapes(shape)
        return [shape.tensor, *([self.seconds(shape)] if self.seconds else [])]


@functools.lru_cache(maxsize=8)
def normal(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return normal values, generated once, as large maps take long."""
    values = np.random.default_rng(seed).normal(size=shape).astype("float32")
    values.flags.writeable = False
    return values


def _plain(name: str, **settings: Any) -> Case:
    """Return the case of a layer that keeps its shape."""
    cls = getattr(keras_attention, name)
    return Case(
        name, lambda shape: cls(**settings, data_format=shape.data_format)
    )


def _pair(name: str, **settings: Any) -> Case:
    """Return the case of a layer of two maps."""
    return dataclasses.replace(
        _plain(name, **settings), seconds=lambda shape: shape.tensor
    )


def _glimpse(name: str, **settings: Any) -> Case:
    """Return the case of a layer of a map and a location."""
    return dataclasses.replace(
        _plain(name, **settings), seconds=lambda shape: (shape.batch, 2)
    )


def _filters(name: str, **settings: Any) -> Case:
    """Return the case of a layer with a number of filters."""
    cls = getattr(keras_attention, name)
    return Case(
        name,
        lambda shape: cls(
            shape.channels, **settings, data_format=shape.data_format
        ),
    )


class OneByOne(keras_attention.MultiScaleDeformableAttention):
    """The layer with its inputs one by one: query, points, and maps."""

    _lists = types.MappingProxyType({})

    def build(self, query_shape, points_shape, *values_shape):
        super().build(query_shape, list(values_shape), points_shape)

    def call(self, query, points, *values, training=None):
        return super().call(query, list(values), points, training=training)

    def compute_output_shape(self, query_shape, points_shape, *values_shape):
        return tuple(query_shape)


def _of_queries(shape: Shape) -> list[tuple[int, ...]]:
    """Return the shapes of 300 queries, of points, and of four levels."""
    levels = [
        dataclasses.replace(
            shape,
            height=max(1, shape.height // 2**level),
            width=max(1, shape.width // 2**level),
        )
        for level in range(4)
    ]
    query = (shape.batch, 300)
    return [
        (*query, shape.channels),
        (*query, len(levels), 2),
        *(level.tensor for level in levels),
    ]


def _with_relu(case: Case) -> Case:
    """Return the case of a layer with ReLUs inside."""
    return dataclasses.replace(case, jumps=KINKS)


LAYERS = [
    _plain("SqueezeExcite"),
    _plain("GatedChannelTransform"),
    _plain("ChannelAttention"),
    _plain("SpatialAttention"),
    _plain("CBAM", reduction=16),
    _plain("SpatialGroupEnhance", groups=8),
    _plain("ShuffleAttention", groups=8),
    _with_relu(_filters("SelectiveKernel", groups=32)),
    _with_relu(_filters("SplitAttention")),
    _with_relu(_plain("BAM")),
    _with_relu(_plain("MultiScaleChannelAttention")),
    _with_relu(_pair("AttentionalFeatureFusion")),
    _with_relu(_pair("IterativeAttentionalFeatureFusion")),
    _with_relu(_pair("AttentionGate")),
    _plain("ChannelSelfAttention"),
    _plain("CrissCrossAttention"),
    _plain("DoubleAttention"),
    _with_relu(_plain("ExternalAttention")),
    _plain("NonLocal"),
    _plain("PositionAttention"),
    _plain("GatherExcite", extent=2, parametric=True),
    Case(
        "SpatialTransformer",
        lambda shape: keras_attention.SpatialTransformer(
            # The localization network is small, so that resampling takes most
            # of the time.
            keras.layers.GlobalAveragePooling2D(shape.data_format),
            data_format=shape.data_format,
        ),
        jumps=PIXELS,
    ),
    dataclasses.replace(
        _filters("DeformableConv2D", kernel_size=3), jumps=PIXELS
    ),
    dataclasses.replace(_plain("DeformableConv2DV3"), jumps=PIXELS),
    dataclasses.replace(_plain("DeformableConv2DV4"), jumps=PIXELS),
    dataclasses.replace(_plain("ConvOffset2D"), jumps=PIXELS),
    _with_relu(_plain("ResidualAttention", depth=2)),
    Case(
        "MultiScaleDeformableAttention",
        lambda shape: OneByOne(dropout=0.0, data_format=shape.data_format),
        jumps=PIXELS,
        all_shapes=_of_queries,
    ),
    _glimpse("GlimpseSensor", num_scales=2),
    _glimpse("GlimpseNetwork", num_scales=2),
]
# Gates that need no arguments.
LAYERS += [
    _plain(name)
    for name, cls in _cards.layers().items()
    if cls.card.is_gate and name not in {case.name for case in LAYERS}
]

# Batch 16: the time of smaller batches is that of calls, and a step of larger
# ones takes seconds.
USUAL = (
    Shape(16, 56, 56, 64),
    Shape(16, 28, 28, 256),
    Shape(16, 14, 14, 512),
)
UNUSUAL = (
    Shape(8, 28, 28, 128, "channels_first"),
    Shape(1, 28, 28, 256),
    Shape(8, 1, 1, 256),
    Shape(1, 224, 224, 64),
)
QUICK = (Shape(2, 6, 6, 32),)
