"""Residual attention networks (Wang et al., 2017).

`AttentionResNet56`, `AttentionResNet92` and `AttentionNeXt56`, with
`keras_attention.ResidualAttention` after each stage of a residual network.

Example:

>>> from keras_attention.models import attention_resnet
>>> model = attention_resnet.AttentionResNet56(include_top=False, pooling="avg")
>>> model.output_shape
(None, 2048)
>>> tuple(attention_resnet.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)

Reference:
    `Residual Attention Network for Image Classification
    <https://arxiv.org/abs/1704.06904>`_.
"""

from dataclasses import dataclass

import keras

from keras_attention.mixed import ResidualAttention
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_caffe as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._parts import Parts

__all__ = [
    "AttentionNeXt56",
    "AttentionResNet56",
    "AttentionResNet92",
    "decode_predictions",
    "preprocess_input",
]


@dataclass(frozen=True, kw_only=True)
class AttentionResNet:
    """What a residual attention network is made of.

    Attributes:
        modules: Number of attention modules of each stage but the last. The
            mask of the last of these pools once, of the one before it twice.
        blocks: Number of residual units of the last stage.
        reduction: Integer by which residual units narrow.
        groups: Number of groups of their 3 x 3 convolutions.
        preactivation: Whether their norms come before the convolutions.
        mask_activation: What bounds the masks.
        widths: Number of channels of each stage.
        dropout: Rate of dropout before the classifier.
    """

    modules: tuple[int, ...]
    blocks: int = 3
    reduction: int = 4
    groups: int = 1
    preactivation: bool = True
    mask_activation: str = "mixed"
    widths: tuple[int, ...] = (256, 512, 1024, 2048)
    dropout: float = 0.0

    def features(self, x, data_format: str):
        """Return the last map of the network for images `x`."""
        parts = Parts(data_format)
        x = parts.conv(x, 64, 7, strides=2, name="stem_conv1")
        x = parts.norm(x, name="stem_norm1")
        x = parts.relu(x, name="stem_relu1")
        x = parts.halve(x, "ceil", name="stem_pool")
        unit = self._unit if self.preactivation else self._late_unit
        for stage, modules in enumerate(self.modules, 1):
            x = unit(x, parts, (stage, 1))
            for number in range(1, modules + 1):
                x = ResidualAttention(
                    len(self.modules) + 1 - stage,
                    mask_activation=self.mask_activation,
                    preactivation=self.preactivation,
                    reduction=self.reduction,
                    groups=self.groups,
                    kernel_initializer=keras.initializers.get(
                        parts.kernel_initializer
                    ),
                    data_format=data_format,
                    name=f"stage{stage}_attention{number}",
                )(x)
        for block in range(1, self.blocks + 1):
            x = unit(x, parts, (len(self.modules) + 1, block))
        if self.preactivation:
            x = parts.norm(x, name="head_norm")
            x = parts.relu(x, name="head_relu")
        return x

    def _unit(self, x, parts: Parts, place: tuple[int, int]):
        """Return the output of a unit whose norms come first."""
        name, convs = self._convs(place)
        y = x
        for number, conv in enumerate(convs, 1):
            y = parts.norm(y, name=f"{name}_norm{number}")
            y = parts.relu(y, name=f"{name}_relu{number}")
            if number == 1:
                # A projection sees what the branch does, an identity does not.
                x, _ = self._shortcut(x, y, parts, place)
            y = parts.conv(y, **conv, name=f"{name}_conv{number}")
        return keras.layers.Add(name=f"{name}_add")([y, x])

    def _late_unit(self, x, parts: Parts, place: tuple[int, int]):
        """Return the output of a unit whose norms come last."""
        name, convs = self._convs(place)
        y = x
        for number, conv in enumerate(convs, 1):
            if number > 1:
                y = parts.relu(y, name=f"{name}_relu{number - 1}")
            y = parts.conv(y, **conv, name=f"{name}_conv{number}")
            y = parts.norm(y, name=f"{name}_norm{number}")
        x, is_projected = self._shortcut(x, x, parts, place)
        if is_projected:
            x = parts.norm(x, name=f"{name}_shortcut_norm")
        y = keras.layers.Add(name=f"{name}_add")([y, x])
        return parts.relu(y, name=f"{name}_relu")

    def _convs(
        self, place: tuple[int, int]
    ) -> tuple[str, tuple[dict[str, int], ...]]:
        """Return what a unit is called, and its convolutions."""
        stage, block = place
        filters = self.widths[stage - 1]
        inner = filters // self.reduction
        return f"stage{stage}_block{block}", (
            {"filters": inner, "kernel_size": 1},
            {
                "filters": inner,
                "kernel_size": 3,
                "strides": self._strides(place),
                "groups": self.groups,
            },
            {"filters": filters, "kernel_size": 1},
        )

    def _shortcut(self, x, seen, parts: Parts, place: tuple[int, int]):
        """Return `x`, or where it does not fit what is projected instead."""
        stage, block = place
        filters, strides = self.widths[stage - 1], self._strides(place)
        if strides == 1 and parts.channels(x) == filters:
            return x, False
        name = f"stage{stage}_block{block}_shortcut_conv"
        return parts.conv(seen, filters, 1, strides=strides, name=name), True

    def _strides(self, place: tuple[int, int]) -> int:
        stage, block = place
        return 2 if stage > 1 and block == 1 else 1


@network
def AttentionResNet56() -> AttentionResNet:
    """Build Attention-56, of 31,810,728 trainable parameters."""
    return AttentionResNet(modules=(1, 1, 1))


@network
def AttentionResNet92() -> AttentionResNet:
    """Build Attention-92, of 52,466,344 trainable parameters."""
    return AttentionResNet(modules=(1, 2, 3))


@network
def AttentionNeXt56() -> AttentionResNet:
    """Build AttentionNeXt-56, of 31,318,824 trainable parameters.

    As in the authors' network file its norms come after the convolutions, and
    its masks are bounded by a hyperbolic tangent.
    """
    return AttentionResNet(
        modules=(1, 1, 1),
        reduction=2,
        groups=32,
        preactivation=False,
        mask_activation="tanh",
    )
