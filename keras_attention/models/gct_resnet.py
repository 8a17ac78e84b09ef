"""A residual network with gated channel transformation (Yang et al., 2020).

`GCTResNet50`, with a `keras_attention.GatedChannelTransform` before every
convolution.

Example:

>>> from keras_attention.models import gct_resnet
>>> model = gct_resnet.GCTResNet50(include_top=False, pooling="avg")
>>> model.output_shape
(None, 2048)
>>> tuple(gct_resnet.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)

Reference:
    `Gated Channel Transformation for Visual Recognition
    <https://arxiv.org/abs/1909.11519>`_.
"""

from keras_attention._utils.types import AttentionLayer
from keras_attention.channel import GatedChannelTransform
from keras_attention.models._attention_slot import AttentionSlot
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import ResNet

__all__ = ["GCTResNet50", "decode_predictions", "preprocess_input"]

_ATTENTION = AttentionSlot("gct", GatedChannelTransform)


@network
def GCTResNet50(attention: AttentionLayer = "gct") -> ResNet:
    """Builds ResNet-50 with GCT, of 25,624,625 trainable parameters.

    The first convolution of a block has the stride. The authors advise against
    weight decay on `beta`.
    """
    return ResNet(
        depths=(3, 4, 6, 3),
        strides_first=True,
        attention_before_convs=AttentionSlot.of(
            attention, _ATTENTION, GatedChannelTransform
        ),
        kernel_initializer={
            "class_name": "VarianceScaling",
            "config": {
                "scale": 1.0,
                "mode": "fan_in",
                "distribution": "uniform",
            },
        },
    )
