"""One residual network with five parts: all but one family are rows of it."""

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from typing import NamedTuple

import keras

from keras_attention.models._parts import FAN_OUT
from keras_attention.models._parts import Parts

# A function from `name` and `data_format` to a layer.
LayerMaker = Callable[..., keras.layers.Layer]


class Part(NamedTuple):
    """An attention layer in a network: what it is called, and how it is made.

    Layers are named for it, and the layouts of checkpoints go by that.
    """

    role: str
    make: LayerMaker


class Conv(NamedTuple):
    """One convolution of a block."""

    filters: int
    kernel_size: int
    strides: int = 1
    groups: int = 1


@dataclass(frozen=True, kw_only=True)
class ResNet:
    """What a residual network is made of.

    Attributes:
        depths: Number of blocks of each stage.
        block: `"bottleneck"` (1 x 1, 3 x 3, 1 x 1) or `"basic"` (3 x 3 twice).
        groups: Number of groups of a bottleneck's 3 x 3 convolution.
        base_width: Filters of each such group in a first stage of 64.
        halved: Whether a bottleneck's first convolution has half as many
            filters as its second.
        strides_first: Whether a bottleneck's first convolution has the stride,
            and not the second.
        stem: Filters of the convolutions before the first stage: one of size 7,
            or more of size 3.
        pool: How the stem ends: see `Parts.halve`.
        shortcut_kernel_size: That of projections where sizes halve.
        shortcut_pools: Whether shortcuts average where sizes halve, instead of
            passing pixels over.
        attention: The gate at the end of each branch.
        rectified: Whether a basic block's branch is rectified before that.
        before_convs: The layer before each convolution, if there is one.
        selective: The layer that takes the place of the 3 x 3 convolution that
            may have a stride, and makes do without norm and ReLU. It is made
            of `filters` and `strides` too.
        fusion: What merges branch and shortcut, instead of an addition.
        fusion_from: The first stage, counted from 1, that `fusion` is in.
        dropout: Rate of dropout before the classifier.
        kernel_initializer: What convolutions start from.
        widths: What the stages' numbers of filters derive from.
    """

    depths: tuple[int, ...]
    block: str = "bottleneck"
    groups: int = 1
    base_width: int = 64
    halved: bool = False
    strides_first: bool = False
    stem: tuple[int, ...] = (64,)
    pool: str = "pad"
    shortcut_kernel_size: int = 1
    shortcut_pools: bool = False
    attention: Part | None = None
    rectified: bool = False
    before_convs: Part | None = None
    selective: Part | None = None
    fusion: LayerMaker | None = None
    fusion_from: int = 1
    dropout: float = 0.0
    kernel_initializer: Any = None
    widths: tuple[int, ...] = (64, 128, 256, 512)

    def features(self, x, data_format: str):
        """Return the last map of the network for images `x`."""
        parts = Parts(data_format, self.kernel_initializer or FAN_OUT)
        x = self._stem(x, parts)
        for place, width, strides in self._places():
            x = self._block(x, parts, place, width, strides)
        return x

    def _places(self) -> Iterator[tuple[tuple[int, int], int, int]]:
        """Return stage and block, counted from 1, width and strides of each."""
        for stage, depth in enumerate(self.depths, 1):
            for block in range(1, depth + 1):
                strides = 2 if stage > 1 and block == 1 else 1
                yield (stage, block), self.widths[stage - 1], strides

    def _stem(self, x, parts: Parts):
        kernel_size = 7 if len(self.stem) == 1 else 3
        for number, filters in enumerate(self.stem, 1):
            conv = Conv(filters, kernel_size, 2 if number == 1 else 1)
            x = self._conv(x, parts, conv, "stem", f"{number}")
            x = parts.norm(x, name=f"stem_norm{number}")
            x = parts.relu(x, name=f"stem_relu{number}")
        return parts.halve(x, self.pool, name="stem_pool")

    def _block(
        self, x, parts: Parts, place: tuple[int, int], width: int, strides: int
    ):
        name = "stage{}_block{}".format(*place)
        convs = self._convs(width, strides)
        y = x
        for number, conv in enumerate(convs, 1):
            is_last = number == len(convs)
            if self.selective and number == self._selective_number:
                y = self.selective.make(
                    filters=conv.filters,
                    strides=conv.strides,
                    data_format=parts.data_format,
                    name=f"{name}_{self.selective.role}{number}",
                )(y)
                continue
            y = self._conv(y, parts, conv, name, f"{number}")
            y = parts.norm(y, name=f"{name}_norm{number}")
            if not is_last or (self.rectified and self.block == "basic"):
                y = parts.relu(y, name=f"{name}_relu{number}")
        if self.attention:
            y = self.attention.make(
                data_format=parts.data_format,
                name=f"{name}_{self.attention.role}",
            )(y)
        shortcut = self._shortcut(x, parts, name, convs[-1].filters, strides)
        if self.fusion and place[0] >= self.fusion_from:
            fuse = self.fusion(
                data_format=parts.data_format, name=f"{name}_fusion"
            )
            y = fuse(y, shortcut)
        else:
            y = keras.layers.Add(name=f"{name}_add")([y, shortcut])
        return parts.relu(y, name=f"{name}_relu")

    def _convs(self, width: int, strides: int) -> tuple[Conv, ...]:
        """Return the convolutions of a block."""
        if self.block == "basic":
            return Conv(width, 3, strides), Conv(width, 3)
        inner = width * self.base_width // 64 * self.groups
        first, second = (strides, 1) if self.strides_first else (1, strides)
        return (
            Conv(inner // 2 if self.halved else inner, 1, first),
            Conv(inner, 3, second, self.groups),
            Conv(4 * width, 1),
        )

    @property
    def _selective_number(self) -> int:
        """Which convolution of a block is left to a selective kernel."""
        return 1 if self.block == "basic" else 2

    def _shortcut(self, x, parts: Parts, name: str, filters: int, strides: int):
        """Return what is added to the branch: `x`, projected where need be."""
        if strides == 1 and parts.channels(x) == filters:
            return x
        if strides > 1 and self.shortcut_pools:
            # Windows that reach beyond an odd size are averaged over the rest.
            x = keras.layers.AveragePooling2D(
                strides,
                padding="same",
                data_format=parts.data_format,
                name=f"{name}_shortcut_pool",
            )(x)
            strides = 1
        kernel_size = self.shortcut_kernel_size if strides > 1 else 1
        conv = Conv(filters, kernel_size, strides)
        x = self._conv(x, parts, conv, f"{name}_shortcut", "")
        return parts.norm(x, name=f"{name}_shortcut_norm")

    def _conv(self, x, parts: Parts, conv: Conv, name: str, number: str):
        """Convolve, after whatever layer goes before each convolution."""
        if self.before_convs:
            x = self.before_convs.make(
                data_format=parts.data_format,
                name=f"{name}_{self.before_convs.role}{number}",
            )(x)
        return parts.conv(
            x,
            conv.filters,
            conv.kernel_size,
            strides=conv.strides,
            groups=conv.groups,
            name=f"{name}_conv{number}",
        )
