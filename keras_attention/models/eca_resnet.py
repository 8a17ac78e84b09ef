"""Residual networks with efficient channel attention (Wang et al., 2020).

`ECAResNet18`, `ECAResNet50` and `ECAResNet101`, with a
`keras_attention.EfficientChannelAttention` at the end of every residual branch.

Example:

>>> from keras_attention.models import eca_resnet
>>> model = eca_resnet.ECAResNet18(include_top=False, pooling="avg")
>>> model.output_shape
(None, 512)
>>> tuple(eca_resnet.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)

Reference:
    `ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks
    <https://arxiv.org/abs/1910.03151>`_.
"""

from typing import Literal

from keras_attention._utils import validation
from keras_attention._utils.types import AttentionLayer
from keras_attention.channel import EfficientChannelAttention
from keras_attention.models._attention_slot import AttentionSlot
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import ResNet

__all__ = [
    "ECAResNet18",
    "ECAResNet50",
    "ECAResNet101",
    "decode_predictions",
    "preprocess_input",
]


def _eca_resnet(
    depths: tuple[int, ...],
    variant: str,
    attention: AttentionLayer,
    kernel_sizes: tuple[int, int, int, int],
    block: str = "bottleneck",
) -> ResNet:
    """Return the architecture of one depth and variant."""
    validation.one_of("variant", variant, ("official", "timm"))
    is_official = variant == "official"
    own = AttentionSlot(
        "eca",
        EfficientChannelAttention,
        tuple({"kernel_size": size} for size in kernel_sizes)
        if is_official
        else (),
    )
    return ResNet(
        depths=depths,
        block=block,
        stem=(64,) if is_official else (32, 32, 64),
        average_pool_shortcut=not is_official,
        attention=AttentionSlot.of(attention, own, EfficientChannelAttention),
    )


@network
def ECAResNet18(
    variant: Literal["official", "timm"] = "official",
    attention: AttentionLayer = "eca",
) -> ResNet:
    """Builds ResNet-18 with ECA, of 11,689,556 trainable parameters.

    Args:
        variant: `"official"` for the authors' network, `eca_resnet18_k3577`,
            with kernels of size 3, 5, 7 and 7 in the four stages. `"timm"` for
            timm's `resnet18d` with `attn_layer="eca"`: 11,708,780 trainable
            parameters.
    """
    return _eca_resnet((2, 2, 2, 2), variant, attention, (3, 5, 7, 7), "basic")


@network
def ECAResNet50(
    variant: Literal["official", "timm"] = "official",
    attention: AttentionLayer = "eca",
) -> ResNet:
    """Builds ResNet-50 with ECA, of 25,557,112 trainable parameters.

    Args:
        variant: `"official"` for the authors' network, `eca_resnet50_k3557`,
            with kernels of size 3, 5, 5 and 7 in the four stages. `"timm"` for
            timm's `ecaresnet50d`, with three convolutions in the stem, average
            pooling in the shortcuts, and kernel sizes by the rule of
            `EfficientChannelAttention`: 25,576,350 trainable parameters.
    """
    return _eca_resnet((3, 4, 6, 3), variant, attention, (3, 5, 5, 7))


@network
def ECAResNet101(
    variant: Literal["official", "timm"] = "official",
    attention: AttentionLayer = "eca",
) -> ResNet:
    """Builds ResNet-101 with ECA, of 44,549,317 trainable parameters.

    Args:
        variant: `"official"` for the authors' network, `eca_resnet101_k3357`,
            with kernels of size 3, 3, 5 and 7 in the four stages. `"timm"` for
            timm's `ecaresnet101d`, as in `ECAResNet50`: 44,568,563 trainable
            parameters.
    """
    return _eca_resnet((3, 4, 23, 3), variant, attention, (3, 3, 5, 7))
