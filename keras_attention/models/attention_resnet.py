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
from keras_attention.models._network_layers import NetworkLayers

__all__ = [
    "AttentionNeXt56",
    "AttentionResNet56",
    "AttentionResNet92",
    "decode_predictions",
    "preprocess_input",
]


@dataclass(frozen=True, kw_only=True)
class AttentionResNet:
    """The architecture of a residual attention network.

    Attributes:
        modules: Number of attention modules of each stage but the last. Masks
            in the last of these stages have one pooling, in the one before two,
            and so on.
        blocks: Number of residual units of the last stage.
        reduction: Integer by which the number of channels is divided inside
            residual units.
        groups: Number of groups of the 3 x 3 convolutions.
        preactivation: Whether normalization comes before the convolutions.
        mask_activation: Activation of the masks.
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
        layers = NetworkLayers(data_format)
        x = layers.conv(x, 64, 7, strides=2, name="stem_conv1")
        x = layers.batch_norm(x, name="stem_norm1")
        x = layers.relu(x, name="stem_relu1")
        x = layers.max_pool(x, "end", name="stem_pool")
        unit = self._unit if self.preactivation else self._postactivation_unit
        for stage, modules in enumerate(self.modules, 1):
            x = unit(x, layers, stage, 1)
            for number in range(1, modules + 1):
                x = ResidualAttention(
                    len(self.modules) + 1 - stage,
                    mask_activation=self.mask_activation,
                    preactivation=self.preactivation,
                    reduction=self.reduction,
                    groups=self.groups,
                    kernel_initializer=keras.initializers.get(
                        layers.kernel_initializer
                    ),
                    data_format=data_format,
                    name=f"stage{stage}_attention{number}",
                )(x)
        for block in range(1, self.blocks + 1):
            x = unit(x, layers, len(self.modules) + 1, block)
        if self.preactivation:
            x = layers.batch_norm(x, name="head_norm")
            x = layers.relu(x, name="head_relu")
        return x

    def _unit(self, x, layers: NetworkLayers, stage: int, block: int):
        """Apply a residual unit with normalization before convolutions."""
        name, convs = self._convs(stage, block)
        y = x
        for number, conv in enumerate(convs, 1):
            y = layers.batch_norm(y, name=f"{name}_norm{number}")
            y = layers.relu(y, name=f"{name}_relu{number}")
            if number == 1:
                # A projection takes the normalized map, the identity takes `x`.
                x, _ = self._shortcut(x, y, layers, stage, block)
            y = layers.conv(y, **conv, name=f"{name}_conv{number}")
        return keras.layers.Add(name=f"{name}_add")([y, x])

    def _postactivation_unit(
        self, x, layers: NetworkLayers, stage: int, block: int
    ):
        """Apply a residual unit with normalization after convolutions."""
        name, convs = self._convs(stage, block)
        y = x
        for number, conv in enumerate(convs, 1):
            if number > 1:
                y = layers.relu(y, name=f"{name}_relu{number - 1}")
            y = layers.conv(y, **conv, name=f"{name}_conv{number}")
            y = layers.batch_norm(y, name=f"{name}_norm{number}")
        x, is_projected = self._shortcut(x, x, layers, stage, block)
        if is_projected:
            x = layers.batch_norm(x, name=f"{name}_shortcut_norm")
        y = keras.layers.Add(name=f"{name}_add")([y, x])
        return layers.relu(y, name=f"{name}_relu")

    def _convs(
        self, stage: int, block: int
    ) -> tuple[str, tuple[dict[str, int], ...]]:
        """Return the name of a unit, and the arguments of its convolutions."""
        filters = self.widths[stage - 1]
        inner = filters // self.reduction
        return f"stage{stage}_block{block}", (
            {"filters": inner, "kernel_size": 1},
            {
                "filters": inner,
                "kernel_size": 3,
                "strides": self._strides(stage, block),
                "groups": self.groups,
            },
            {"filters": filters, "kernel_size": 1},
        )

    def _shortcut(
        self, x, projected, layers: NetworkLayers, stage: int, block: int
    ):
        """Return the shortcut of a unit, and whether it is a projection.

        It is `x` if that has the shape of the branch, and otherwise a
        projection of `projected`.
        """
        filters, strides = self.widths[stage - 1], self._strides(stage, block)
        if strides == 1 and layers.channels(x) == filters:
            return x, False
        name = f"stage{stage}_block{block}_shortcut_conv"
        x = layers.conv(projected, filters, 1, strides=strides, name=name)
        return x, True

    def _strides(self, stage: int, block: int) -> int:
        return 2 if stage > 1 and block == 1 else 1


@network
def AttentionResNet56() -> AttentionResNet:
    """Builds Attention-56, of 31,810,728 trainable parameters."""
    return AttentionResNet(modules=(1, 1, 1))


@network
def AttentionResNet92() -> AttentionResNet:
    """Builds Attention-92, of 52,466,344 trainable parameters."""
    return AttentionResNet(modules=(1, 2, 3))


@network
def AttentionNeXt56() -> AttentionResNet:
    """Builds AttentionNeXt-56, of 31,318,824 trainable parameters.

    As in the authors' network file, normalization comes after the convolutions,
    and the activation of the masks is a hyperbolic tangent.
    """
    return AttentionResNet(
        modules=(1, 1, 1),
        reduction=2,
        groups=32,
        preactivation=False,
        mask_activation="tanh",
    )
