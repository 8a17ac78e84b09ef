"""Residual networks with attentional feature fusion (Dai et al., 2021).

`AFFResNet50`, `IAFFResNet50` and `IAFFResNeXt50`, where a
`keras_attention.AttentionalFeatureFusion`, or an iterative one, takes the place
of additions.

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

from keras_attention import _arguments
from keras_attention.fusion import AttentionalFeatureFusion
from keras_attention.fusion import IterativeAttentionalFeatureFusion
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import LayerMaker
from keras_attention.models._resnet import ResNet

__all__ = [
    "AFFResNet50",
    "IAFFResNeXt50",
    "IAFFResNet50",
    "decode_predictions",
    "preprocess_input",
]


def _official(fusion: LayerMaker, **parts) -> ResNet:
    """Return the row of the table of one of the authors' networks."""
    return ResNet(
        depths=(3, 4, 6, 3),
        stem=parts.pop("stem", (32, 32, 64)),
        shortcut_pools=True,
        fusion=functools.partial(fusion, 16),
        fusion_from=3,
        **parts,
    )


def _resnet50(
    variant: str, fusion: LayerMaker, **torch_arguments: bool
) -> ResNet:
    """Return the row of the table of one variant."""
    _arguments.one_of("variant", variant, ("official", "torch"))
    if variant == "official":
        return _official(fusion)
    return ResNet(
        depths=(3, 4, 6, 3),
        fusion=functools.partial(fusion, 4, **torch_arguments),
    )


@network
def AFFResNet50(variant: str = "official") -> ResNet:
    """Build ResNet-50 with AFF, of 30,373,192 trainable parameters.

    Args:
        variant: `"official"` for the authors' MXNet network: a ResNet-50-D
            whose last two stages fuse. `"torch"` for open-aff's PyTorch one: a
            plain ResNet-50 all of whose blocks fuse, with wider bottlenecks:
            45,789,864 trainable parameters.
    """
    return _resnet50(variant, AttentionalFeatureFusion)


@network
def IAFFResNet50(variant: str = "official") -> ResNet:
    """Build ResNet-50 with iAFF, of 35,170,120 trainable parameters.

    Args:
        variant: `"official"` or `"torch"`, as of `AFFResNet50`. The second has
            no weights for the branch that its reference never uses.
    """
    return _resnet50(
        variant, IterativeAttentionalFeatureFusion, share_global=True
    )


@network
def IAFFResNeXt50() -> ResNet:
    """Build ResNeXt-50 32x4d with iAFF, of 34,750,632 trainable parameters."""
    return _official(
        IterativeAttentionalFeatureFusion,
        stem=(64, 64, 128),
        groups=32,
        base_width=4,
    )
