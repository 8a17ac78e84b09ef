"""A residual network with global context blocks (Cao et al., 2019).

`GCResNet50`, with a `keras_attention.GlobalContext` after the middle
convolution of every block.

Example:

>>> from keras_attention.models import gc_resnet
>>> model = gc_resnet.GCResNet50(include_top=False, pooling="avg")
>>> model.output_shape
(None, 2048)
>>> tuple(gc_resnet.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)

Reference:
    `GCNet: Non-local Networks Meet Squeeze-Excitation Networks and Beyond
    <https://arxiv.org/abs/1904.11492>`_.
"""

import functools

from keras_attention._utils.types import AttentionLayer
from keras_attention.channel import GlobalContext
from keras_attention.models._attention_slot import AttentionSlot
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import ResNet

__all__ = ["GCResNet50", "decode_predictions", "preprocess_input"]

_ATTENTION = AttentionSlot(
    "gc", functools.partial(GlobalContext, 8, epsilon=1e-6)
)


@network
def GCResNet50(attention: AttentionLayer = "gc") -> ResNet:
    """Builds timm's `gcresnet50t`, of 25,897,080 trainable parameters.

    This is a ResNet-50 with three convolutions in the stem, of which the last
    has a stride in place of max pooling. The global context is added to the
    map.
    """
    return ResNet(
        depths=(3, 4, 6, 3),
        stem=(24, 32, 64),
        pool_padding=None,
        attention=AttentionSlot.of(attention, _ATTENTION, GlobalContext),
        attention_number=2,
    )
