"""A residual network with bottleneck attention modules (Park et al., 2018).

`BAMResNet50`, with a `keras_attention.BAM` after each stage but the last.

Example:

>>> from keras_attention.models import bam_resnet
>>> model = bam_resnet.BAMResNet50(include_top=False, pooling="avg")
>>> model.output_shape
(None, 2048)
>>> tuple(bam_resnet.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)

Reference:
    `BAM: Bottleneck Attention Module
    <https://arxiv.org/abs/1807.06514>`_.
"""

from keras_attention._utils.types import AttentionLayer
from keras_attention.mixed import BAM
from keras_attention.models._attention_slot import AttentionSlot
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import ResNet

__all__ = ["BAMResNet50", "decode_predictions", "preprocess_input"]

_ATTENTION = AttentionSlot("bam", BAM)


@network
def BAMResNet50(attention: AttentionLayer = "bam") -> ResNet:
    """Builds ResNet-50 with BAM, of 25,915,099 trainable parameters."""
    return ResNet(
        depths=(3, 4, 6, 3),
        attention_after_stages=AttentionSlot.of(attention, _ATTENTION, BAM),
    )
