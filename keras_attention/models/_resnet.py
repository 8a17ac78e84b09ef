"""Residual networks with attention, described by a table of options.

All families but the residual attention networks are rows of this table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import keras

from keras_attention._utils.types import Initializer
from keras_attention.models._attention_slot import AttentionSlot
from keras_attention.models._attention_slot import LayerFactory
from keras_attention.models._network_layers import FAN_OUT
from keras_attention.models._network_layers import NetworkLayers


class Conv(NamedTuple):
    """The arguments of one convolution of a block."""

    filters: int
    kernel_size: int
    strides: int = 1
    groups: int = 1


@dataclass(frozen=True, kw_only=True)
class ResNet:
    """The architecture of a residual network with attention.

    Attributes:
        depths: Number of blocks of each stage.
        block: `"bottleneck"` (1 x 1, 3 x 3, 1 x 1) or `"basic"` (3 x 3 twice).
        groups: Number of groups of the 3 x 3 convolution of a bottleneck.
        base_width: Filters of each such group in a first stage of 64.
        narrow_first_conv: Whether the first convolution of a bottleneck has
            half as many filters as the second.
        strides_first: Whether the first convolution of a bottleneck has the
            stride, and not the second.
        stem: Filters of the convolutions before the first stage: one of size 7,
            or several of size 3.
        pool_padding: Padding of the max pooling in the stem: see
            `NetworkLayers.max_pool`. With `None` there is no pooling, and the
            last convolution of the stem has strides too.
        shortcut_kernel_size: Kernel size of the projections with strides.
        average_pool_shortcut: Whether shortcuts with strides apply average
            pooling, in place of a convolution with strides.
        average_pool_strides: Whether average pooling of size 3 follows the
            second convolution of a bottleneck in place of its strides.
        attention: The attention at the end of each residual branch.
        attention_number: The number of the convolution that `attention`
            follows, with its normalization and ReLU; `None` for the last.
        attention_after_stages: The attention after all stages but the last.
        relu_before_attention: Whether the branch of a basic block has a ReLU
            before `attention`.
        attention_before_convs: The attention before each convolution.
        selective_kernel: The layer in place of the 3 x 3 convolution that may
            have a stride, of its normalization and its ReLU. It is made with
            the arguments `filters` and `strides`, too.
        fusion: The layer that merges branch and shortcut, in place of an
            addition.
        first_fusion_stage: The first stage, counted from 1, with `fusion`.
        dropout: Rate of dropout before the classifier.
        kernel_initializer: The initializer of convolutions.
        widths: Number of filters of each stage, before the expansion by 4 of
            bottlenecks.
    """

    depths: tuple[int, ...]
    block: str = "bottleneck"
    groups: int = 1
    base_width: int = 64
    narrow_first_conv: bool = False
    strides_first: bool = False
    stem: tuple[int, ...] = (64,)
    pool_padding: str | None = "both"
    shortcut_kernel_size: int = 1
    average_pool_shortcut: bool = False
    average_pool_strides: bool = False
    attention: AttentionSlot | None = None
    attention_number: int | None = None
    attention_after_stages: AttentionSlot | None = None
    relu_before_attention: bool = False
    attention_before_convs: AttentionSlot | None = None
    selective_kernel: AttentionSlot | None = None
    fusion: LayerFactory | None = None
    first_fusion_stage: int = 1
    dropout: float = 0.0
    kernel_initializer: Initializer | None = None
    widths: tuple[int, ...] = (64, 128, 256, 512)

    def features(self, x, data_format: str):
        """Return the last map of the network for images `x`."""
        layers = NetworkLayers(data_format, self.kernel_initializer or FAN_OUT)
        x = self._stem(x, layers)
        for stage, block, strides in self._blocks():
            x = self._block(x, layers, stage, block, strides)
            if (
                self.attention_after_stages
                and block == self.depths[stage - 1]
                and stage < len(self.depths)
            ):
                slot = self.attention_after_stages
                x = slot.apply(x, layers, f"stage{stage}", stage=stage)
        return x

    def _blocks(self) -> Iterator[tuple[int, int, int]]:
        """Yield stage and block, both counted from 1, and strides."""
        for stage, depth in enumerate(self.depths, 1):
            for block in range(1, depth + 1):
                yield stage, block, 2 if stage > 1 and block == 1 else 1

    def _stem(self, x, layers: NetworkLayers):
        kernel_size = 7 if len(self.stem) == 1 else 3
        for number, filters in enumerate(self.stem, 1):
            has_strides = number == 1 or (
                self.pool_padding is None and number == len(self.stem)
            )
            conv = Conv(filters, kernel_size, 2 if has_strides else 1)
            x = self._conv(x, layers, conv, "stem", f"{number}")
            x = layers.batch_norm(x, name=f"stem_norm{number}")
            x = layers.relu(x, name=f"stem_relu{number}")
        if self.pool_padding is None:
            return x
        return layers.max_pool(x, self.pool_padding, name="stem_pool")

    def _block(
        self, x, layers: NetworkLayers, stage: int, block: int, strides: int
    ):
        name = f"stage{stage}_block{block}"
        convs = self._convs(self.widths[stage - 1], strides)
        y = x
        for number, conv in enumerate(convs, 1):
            y = self._conv_block(y, layers, conv, name, number)
            if number == 2 and strides > 1 and self.average_pool_strides:
                y = layers.average_pool(y, strides, name=f"{name}_pool")
            if self.attention and number == (
                self.attention_number or len(convs)
            ):
                y = self.attention.apply(y, layers, name, stage=stage)
        shortcut = self._shortcut(x, layers, name, convs[-1].filters, strides)
        if self.fusion and stage >= self.first_fusion_stage:
            fuse = self.fusion(
                data_format=layers.data_format, name=f"{name}_fusion"
            )
            y = fuse(y, shortcut)
        else:
            y = keras.layers.Add(name=f"{name}_add")([y, shortcut])
        return layers.relu(y, name=f"{name}_relu")

    def _conv_block(
        self, y, layers: NetworkLayers, conv: Conv, name: str, number: int
    ):
        """Apply a convolution with its normalization and ReLU."""
        if self.selective_kernel and number == self._selective_number:
            return self.selective_kernel.make(
                filters=conv.filters,
                strides=conv.strides,
                data_format=layers.data_format,
                name=f"{name}_{self.selective_kernel.role}{number}",
            )(y)
        y = self._conv(y, layers, conv, name, f"{number}")
        y = layers.batch_norm(y, name=f"{name}_norm{number}")
        is_basic = self.block == "basic"
        if number < (2 if is_basic else 3) or (
            is_basic and self.relu_before_attention
        ):
            y = layers.relu(y, name=f"{name}_relu{number}")
        return y

    def _convs(self, width: int, strides: int) -> tuple[Conv, ...]:
        """Return the convolutions of a block."""
        if self.block == "basic":
            return Conv(width, 3, strides), Conv(width, 3)
        inner = width * self.base_width // 64 * self.groups
        first, second = (strides, 1) if self.strides_first else (1, strides)
        if self.average_pool_strides:
            second = 1
        return (
            Conv(inner // 2 if self.narrow_first_conv else inner, 1, first),
            Conv(inner, 3, second, self.groups),
            Conv(4 * width, 1),
        )

    @property
    def _selective_number(self) -> int:
        """The number of the convolution that a selective kernel replaces."""
        return 1 if self.block == "basic" else 2

    def _shortcut(
        self, x, layers: NetworkLayers, name: str, filters: int, strides: int
    ):
        """Return `x`, projected if the branch has another shape."""
        if strides == 1 and layers.channels(x) == filters:
            return x
        if strides > 1 and self.average_pool_shortcut:
            # With "same", windows at the edge of an odd size average the
            # pixels inside the map alone, as the published networks do.
            x = keras.layers.AveragePooling2D(
                strides,
                padding="same",
                data_format=layers.data_format,
                name=f"{name}_shortcut_pool",
            )(x)
            strides = 1
        kernel_size = self.shortcut_kernel_size if strides > 1 else 1
        conv = Conv(filters, kernel_size, strides)
        x = self._conv(x, layers, conv, f"{name}_shortcut", "")
        return layers.batch_norm(x, name=f"{name}_shortcut_norm")

    def _conv(
        self, x, layers: NetworkLayers, conv: Conv, name: str, number: str
    ):
        """Apply a convolution, after the attention that precedes it, if any."""
        if self.attention_before_convs:
            x = self.attention_before_convs.apply(
                x, layers, name, number=number
            )
        return layers.conv(
            x,
            conv.filters,
            conv.kernel_size,
            strides=conv.strides,
            groups=conv.groups,
            name=f"{name}_conv{number}",
        )
