"""Split-attention networks (Zhang et al., 2020).

`ResNeSt14`, `ResNeSt26`, `ResNeSt50` and `ResNeSt101`, with a
`keras_attention.SplitAttention` in place of the middle convolution of every
block.

Example:

>>> from keras_attention.models import resnest
>>> model = resnest.ResNeSt14(include_top=False, pooling="avg")
>>> model.output_shape
(None, 2048)
>>> tuple(resnest.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)

Reference:
    `ResNeSt: Split-Attention Networks
    <https://arxiv.org/abs/2004.08955>`_.
"""

from keras_attention.fusion import SplitAttention
from keras_attention.models._attention_slot import AttentionSlot
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import ResNet

__all__ = [
    "ResNeSt14",
    "ResNeSt26",
    "ResNeSt50",
    "ResNeSt101",
    "decode_predictions",
    "preprocess_input",
]


def _resnest(
    depths: tuple[int, ...], stem: tuple[int, ...] = (32, 32, 64)
) -> ResNet:
    """Return the architecture of one depth."""
    return ResNet(
        depths=depths,
        stem=stem,
        average_pool_shortcut=True,
        average_pool_strides=True,
        selective_kernel=AttentionSlot("splat", SplitAttention),
    )


@network
def ResNeSt14() -> ResNet:
    """Builds timm's `resnest14d`, of 10,611,688 trainable parameters.

    The first convolution is three of size 3. Average pooling follows the split
    attention where a plain block has a convolution with a stride.
    """
    return _resnest((1, 1, 1, 1))


@network
def ResNeSt26() -> ResNet:
    """Builds timm's `resnest26d`, of 17,069,448 trainable parameters."""
    return _resnest((2, 2, 2, 2))


@network
def ResNeSt50() -> ResNet:
    """Builds timm's `resnest50d`, of 27,483,240 trainable parameters.

    This is the authors' ResNeSt-50, in which layers have the same names.
    """
    return _resnest((3, 4, 6, 3))


@network
def ResNeSt101() -> ResNet:
    """Builds timm's `resnest101e`, of 48,275,016 trainable parameters.

    This is the authors' ResNeSt-101, in which layers have the same names.
    """
    return _resnest((3, 4, 23, 3), (64, 64, 128))
