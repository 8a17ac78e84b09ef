"""Residual networks with attentional feature fusion (Dai et al., 2021).

`AFFResNet50`, `IAFFResNet50` and `IAFFResNeXt50`, with a
`keras_attention.AttentionalFeatureFusion`, or an iterative one, in place of
residual additions.

Example:

>>> from keras_attention.models import aff_resnet
>>> model = aff_resnet.AFFResNet50(include_top=False, pooling="avg")
>>> model.output_shape
(None, 2048)
>>> tuple(aff_resnet.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)

Reference:
    `Attentional Feature Fusion <https://arxiv.org/abs/2009.14082>`_.
"""

import functools
from typing import Literal

from keras_attention._utils import validation
from keras_attention.fusion import AttentionalFeatureFusion
from keras_attention.fusion import IterativeAttentionalFeatureFusion
from keras_attention.models._attention_slot import LayerFactory
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import ResNet

__all__ = [
    "AFFResNet50",
    "IAFFResNeXt50",
    "IAFFResNet50",
    "decode_predictions",
    "preprocess_input",
]


def _official(fusion: LayerFactory, **options) -> ResNet:
    """Return the architecture of the authors' MXNet networks."""
    return ResNet(
        depths=(3, 4, 6, 3),
        stem=options.pop("stem", (32, 32, 64)),
        average_pool_shortcut=True,
        fusion=functools.partial(fusion, 16),
        first_fusion_stage=3,
        **options,
    )


def _resnet50(
    variant: str, fusion: LayerFactory, **torch_arguments: bool
) -> ResNet:
    """Return the architecture of one variant of ResNet-50."""
    validation.one_of("variant", variant, ("official", "torch"))
    if variant == "official":
        return _official(fusion)
    return ResNet(
        depths=(3, 4, 6, 3),
        fusion=functools.partial(fusion, 4, **torch_arguments),
    )


@network
def AFFResNet50(variant: Literal["official", "torch"] = "official") -> ResNet:
    """Builds ResNet-50 with AFF, of 30,373,192 trainable parameters.

    Args:
        variant: `"official"` for the authors' MXNet network, a ResNet-50-D with
            fusion in the last two stages. `"torch"` for the authors' PyTorch
            network, a plain ResNet-50 with fusion in all blocks and with wider
            bottlenecks in the fusion: 45,789,864 trainable parameters.
    """
    return _resnet50(variant, AttentionalFeatureFusion)


@network
def IAFFResNet50(variant: Literal["official", "torch"] = "official") -> ResNet:
    """Builds ResNet-50 with iAFF, of 35,170,120 trainable parameters.

    Args:
        variant: `"official"` or `"torch"`, as in `AFFResNet50`. `"torch"` has
            no weights for the global context that the authors' PyTorch network
            does not use.
    """
    return _resnet50(
        variant, IterativeAttentionalFeatureFusion, share_global=True
    )


@network
def IAFFResNeXt50() -> ResNet:
    """Builds ResNeXt-50 32x4d with iAFF, of 34,750,632 trainable parameters."""
    return _official(
        IterativeAttentionalFeatureFusion,
        stem=(64, 64, 128),
        groups=32,
        base_width=4,
    )
