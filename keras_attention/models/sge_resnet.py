"""Residual networks with spatial group-wise enhance (Li et al., 2019).

`SGEResNet50` and `SGEResNet101`, with a `keras_attention.SpatialGroupEnhance`
of 64 groups at the end of every residual branch.

Example:

>>> from keras_attention.models import sge_resnet
>>> model = sge_resnet.SGEResNet50(include_top=False, pooling="avg")
>>> model.output_shape
(None, 2048)
>>> tuple(sge_resnet.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)

Reference:
    `Spatial Group-wise Enhance <https://arxiv.org/abs/1905.09646>`_.
"""

import functools

from keras_attention._utils.types import AttentionLayer
from keras_attention.models._attention_slot import AttentionSlot
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import ResNet
from keras_attention.spatial import SpatialGroupEnhance

__all__ = [
    "SGEResNet50",
    "SGEResNet101",
    "decode_predictions",
    "preprocess_input",
]

_ATTENTION = AttentionSlot("sge", functools.partial(SpatialGroupEnhance, 64))


def _slot(attention: AttentionLayer) -> AttentionSlot | None:
    return AttentionSlot.of(attention, _ATTENTION, SpatialGroupEnhance)


@network
def SGEResNet50(attention: AttentionLayer = "sge") -> ResNet:
    """Builds ResNet-50 with SGE, of 25,559,080 trainable parameters."""
    return ResNet(depths=(3, 4, 6, 3), attention=_slot(attention))


@network
def SGEResNet101(attention: AttentionLayer = "sge") -> ResNet:
    """Builds ResNet-101 with SGE, of 44,553,384 trainable parameters."""
    return ResNet(depths=(3, 4, 23, 3), attention=_slot(attention))
