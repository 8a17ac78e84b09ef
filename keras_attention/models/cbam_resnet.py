"""Residual networks with CBAM (Woo et al., 2018).

`CBAMResNet18`, `CBAMResNet34`, `CBAMResNet50` and `CBAMResNet101`, with a
`keras_attention.CBAM` at the end of every residual branch.

Example:

>>> from keras_attention.models import cbam_resnet
>>> model = cbam_resnet.CBAMResNet18(include_top=False, pooling="avg")
>>> model.output_shape
(None, 512)
>>> tuple(cbam_resnet.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)

Reference:
    `CBAM: Convolutional Block Attention Module
    <https://arxiv.org/abs/1807.06521>`_.
"""

import functools
from typing import Literal

from keras_attention._utils import validation
from keras_attention._utils.types import AttentionLayer
from keras_attention.mixed import CBAM
from keras_attention.models._attention_slot import AttentionSlot
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import ResNet

__all__ = [
    "CBAMResNet18",
    "CBAMResNet34",
    "CBAMResNet50",
    "CBAMResNet101",
    "decode_predictions",
    "preprocess_input",
]


def _cbam_resnet(
    depths: tuple[int, ...],
    variant: str,
    attention: AttentionLayer,
    block: str = "bottleneck",
) -> ResNet:
    """Return the architecture of one depth and variant."""
    validation.one_of("variant", variant, ("official", "timm"))
    cbam = functools.partial(
        CBAM,
        16,
        spatial_input="refined",
        spatial_norm=True,
        use_bias=variant == "official",
    )
    own = AttentionSlot("cbam", cbam)
    return ResNet(
        depths=depths,
        block=block,
        attention=AttentionSlot.of(attention, own, CBAM),
    )


@network
def CBAMResNet18(
    variant: Literal["official", "timm"] = "official",
    attention: AttentionLayer = "cbam",
) -> ResNet:
    """Builds ResNet-18 with CBAM, of 11,779,392 trainable parameters.

    Args:
        variant: `"official"` or `"timm"`, as in `CBAMResNet50`.
    """
    return _cbam_resnet((2, 2, 2, 2), variant, attention, "basic")


@network
def CBAMResNet34(
    variant: Literal["official", "timm"] = "official",
    attention: AttentionLayer = "cbam",
) -> ResNet:
    """Builds ResNet-34 with CBAM, of 21,960,468 trainable parameters.

    Args:
        variant: `"official"` or `"timm"`, as in `CBAMResNet50`.
    """
    return _cbam_resnet((3, 4, 6, 3), variant, attention, "basic")


@network
def CBAMResNet50(
    variant: Literal["official", "timm"] = "official",
    attention: AttentionLayer = "cbam",
) -> ResNet:
    """Builds ResNet-50 with CBAM, of 28,089,624 trainable parameters.

    Args:
        variant: `"official"` for the authors' PyTorch network, `"timm"` for
            timm's `resnet50` with `attn_layer="cbam"`, which has no biases in
            the channel attention: 28,073,576 trainable parameters.
    """
    return _cbam_resnet((3, 4, 6, 3), variant, attention)


@network
def CBAMResNet101(
    variant: Literal["official", "timm"] = "official",
    attention: AttentionLayer = "cbam",
) -> ResNet:
    """Builds ResNet-101 with CBAM, of 49,330,172 trainable parameters.

    Args:
        variant: `"official"` or `"timm"`, as in `CBAMResNet50`.
    """
    return _cbam_resnet((3, 4, 23, 3), variant, attention)
