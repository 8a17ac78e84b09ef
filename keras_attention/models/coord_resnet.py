"""A residual network with coordinate attention (Hou et al., 2021).

`CoordResNet50`, with a `keras_attention.CoordinateAttention` at the end of
every residual branch.

Example:

>>> from keras_attention.models import coord_resnet
>>> model = coord_resnet.CoordResNet50(include_top=False, pooling="avg")
>>> model.output_shape
(None, 2048)
>>> tuple(coord_resnet.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)

Reference:
    `Coordinate Attention for Efficient Mobile Network Design
    <https://arxiv.org/abs/2103.02907>`_.
"""

import functools
from typing import Literal

from keras_attention._utils import validation
from keras_attention._utils.types import AttentionLayer
from keras_attention.mixed import CoordinateAttention
from keras_attention.models._attention_slot import AttentionSlot
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import ResNet

__all__ = ["CoordResNet50", "decode_predictions", "preprocess_input"]

# timm rounds two thirds of a sixteenth of the channels to a multiple of 8.
_TIMM_UNITS = (8, 24, 40, 88)
_ATTENTION = {
    "official": AttentionSlot("coord", CoordinateAttention),
    "timm": AttentionSlot(
        "coord",
        functools.partial(CoordinateAttention, use_bias=False),
        tuple({"hidden_units": units} for units in _TIMM_UNITS),
    ),
}


@network
def CoordResNet50(
    variant: Literal["official", "timm"] = "official",
    attention: AttentionLayer = "coord",
) -> ResNet:
    """Builds ResNet-50 with CA, of 27,474,864 trainable parameters.

    Args:
        variant: `"official"` for the authors' layer, `"timm"` for timm's
            `resnet50` with `attn_layer="coord"`, which has other numbers of
            hidden units and no biases in the attention: 28,083,464 trainable
            parameters.
    """
    validation.one_of("variant", variant, tuple(_ATTENTION))
    return ResNet(
        depths=(3, 4, 6, 3),
        attention=AttentionSlot.of(
            attention, _ATTENTION[variant], CoordinateAttention
        ),
    )
