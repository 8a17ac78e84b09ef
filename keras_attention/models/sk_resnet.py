"""Selective kernel networks (Li et al., 2019).

`SKNet50` and `SKNet101`, with a `keras_attention.SelectiveKernel` in place of
the middle convolution of every block, and `SKResNet18` and `SKResNet34`, with
one in place of the first.

Example:

>>> from keras_attention.models import sk_resnet
>>> model = sk_resnet.SKResNet18(include_top=False, pooling="avg")
>>> model.output_shape
(None, 512)
>>> tuple(sk_resnet.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)

Reference:
    `Selective Kernel Networks <https://arxiv.org/abs/1903.06586>`_.
"""

import functools
from typing import Any

from keras_attention.fusion import SelectiveKernel
from keras_attention.models._attention_slot import AttentionSlot
from keras_attention.models._attention_slot import LayerFactory
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import ResNet

__all__ = [
    "SKNet50",
    "SKNet101",
    "SKResNet18",
    "SKResNet34",
    "decode_predictions",
    "preprocess_input",
]


_KERNEL = functools.partial(SelectiveKernel, groups=32, use_bias=False)


def _sknet101_kernel(filters: int, **arguments: Any) -> SelectiveKernel:
    """Return a selective kernel of SKNet-101."""
    units = 16 if filters == 256 else None
    return _KERNEL(filters, hidden_units=units, **arguments)


def _sknet(depths: tuple[int, ...], kernel: LayerFactory) -> ResNet:
    """Return the architecture of one of the authors' networks."""
    return ResNet(
        depths=depths,
        groups=32,
        base_width=4,
        selective_kernel=AttentionSlot("sk", kernel),
    )


def _sk_resnet(depths: tuple[int, ...]) -> ResNet:
    """Return the architecture of one of timm's networks."""
    kernel = functools.partial(
        SelectiveKernel,
        reduction=8,
        min_units=16,
        split_input=True,
        use_bias=False,
    )
    return ResNet(
        depths=depths,
        block="basic",
        selective_kernel=AttentionSlot("sk", kernel),
    )


@network
def SKNet50() -> ResNet:
    """Builds SKNet-50, of 27,479,784 trainable parameters.

    This is timm's `skresnext50_32x4d`. It differs from the authors' Caffe
    network in the padding of the max pooling in the stem.
    """
    return _sknet((3, 4, 6, 3), _KERNEL)


@network
def SKNet101() -> ResNet:
    """Builds SKNet-101, of 48,686,760 trainable parameters.

    The max pooling in the stem has the padding of `SKNet50`. As in the authors'
    network file, the selective kernels of the second stage have 16 hidden
    units; by the rule in the paper they would have 32.
    """
    return _sknet((3, 4, 23, 3), _sknet101_kernel)


@network
def SKResNet18() -> ResNet:
    """Builds timm's `skresnet18`, of 11,958,056 trainable parameters."""
    return _sk_resnet((2, 2, 2, 2))


@network
def SKResNet34() -> ResNet:
    """Builds timm's `skresnet34`, of 22,282,376 trainable parameters."""
    return _sk_resnet((3, 4, 6, 3))
