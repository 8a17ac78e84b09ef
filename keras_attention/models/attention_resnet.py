"""Residual attention networks (Wang et al., 2017).

`AttentionResNet56`, `AttentionResNet92` and `AttentionNeXt56`, with
`keras_attention.ResidualAttention` between the stages of a pre-activated
residual network.

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
from keras_attention.models._imagenet import centre as preprocess_input
from keras_attention.models._imagenet import decode_predictions
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
        widths: Number of channels of each stage.
        dropout: Rate of dropout before the classifier.
    """

    modules: tuple[int, ...]
    blocks: int = 3
    reduction: int = 4
    groups: int = 1
    widths: tuple[int, ...] = (256, 512, 1024, 2048)
    dropout: float = 0.0

    def features(self, x, data_format: str):
        """Return the last map of the network for images `x`."""
        parts = Parts(data_format)
        x = parts.conv(x, 64, 7, strides=2, name="stem_conv1")
        x = parts.norm(x, name="stem_norm1")
        x = parts.relu(x, name="stem_relu1")
        x = parts.halve(x, "ceil", name="stem_pool")
        for stage, modules in enumerate(self.modules, 1):
            x = self._unit(x, parts, (stage, 1))
            for number in range(1, modules + 1):
                x = ResidualAttention(
                    len(self.modules) + 1 - stage,
                    reduction=self.reduction,
                    groups=self.groups,
                    kernel_initializer=keras.initializers.get(
                        parts.kernel_initializer
                    ),
                    data_format=data_format,
                    name=f"stage{stage}_attention{number}",
                )(x)
        for block in range(1, self.blocks + 1):
            x = self._unit(x, parts, (len(self.modules) + 1, block))
        x = parts.norm(x, name="head_norm")
        return parts.relu(x, name="head_relu")

    def _unit(self, x, parts: Parts, place: tuple[int, int]):
        """Return a residual unit's output, whose stage may begin with it."""
        stage, block = place
        name = f"stage{stage}_block{block}"
        filters = self.widths[stage - 1]
        inner = filters // self.reduction
        strides = 2 if stage > 1 and block == 1 else 1
        y = parts.norm(x, name=f"{name}_norm1")
        y = parts.relu(y, name=f"{name}_relu1")
        # A projection sees what the branch does, an identity the input itself.
        if strides > 1 or parts.channels(x) != filters:
            x = parts.conv(
                y, filters, 1, strides=strides, name=f"{name}_shortcut_conv"
            )
        y = parts.conv(y, inner, 1, name=f"{name}_conv1")
        y = parts.norm(y, name=f"{name}_norm2")
        y = parts.relu(y, name=f"{name}_relu2")
        y = parts.conv(
            y,
            inner,
            3,
            strides=strides,
            groups=self.groups,
            name=f"{name}_conv2",
        )
        y = parts.norm(y, name=f"{name}_norm3")
        y = parts.relu(y, name=f"{name}_relu3")
        y = parts.conv(y, filters, 1, name=f"{name}_conv3")
        return keras.layers.Add(name=f"{name}_add")([y, x])


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
    """Build AttentionNeXt-56, of 31,318,824 trainable parameters."""
    return AttentionResNet(modules=(1, 1, 1), reduction=2, groups=32)
