"""Selective kernel networks (Li et al., 2019).

`SKNet50` and `SKNet101`, with a `keras_attention.SelectiveKernel` for the
middle convolution of every block, and `SKResNet18` and `SKResNet34`, with one
for the first.

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
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._imagenet import (
    preprocess_torch as preprocess_input,
)
from keras_attention.models._network import network
from keras_attention.models._resnet import LayerMaker
from keras_attention.models._resnet import Part
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


def _narrower_kernel(filters: int, **arguments: Any) -> SelectiveKernel:
    """Return a kernel of SKNet-101, whose second stage is squeezed further."""
    units = 16 if filters == 256 else None
    return _KERNEL(filters, hidden_units=units, **arguments)


def _sknet(depths: tuple[int, ...], kernel: LayerMaker) -> ResNet:
    """Return the row of the table of one of the authors' networks."""
    return ResNet(
        depths=depths, groups=32, base_width=4, selective=Part("sk", kernel)
    )


def _sk_resnet(depths: tuple[int, ...]) -> ResNet:
    """Return the row of the table of one of timm's networks."""
    kernel = functools.partial(
        SelectiveKernel,
        reduction=8,
        min_units=16,
        split_input=True,
        use_bias=False,
    )
    return ResNet(depths=depths, block="basic", selective=Part("sk", kernel))


@network
def SKNet50() -> ResNet:
    """Build SKNet-50, of 27,479,784 trainable parameters.

    It is timm's `skresnext50_32x4d`, which differs from the authors' Caffe
    network in how the stem pads where it pools.
    """
    return _sknet((3, 4, 6, 3), _KERNEL)


@network
def SKNet101() -> ResNet:
    """Build SKNet-101, of 48,686,760 trainable parameters.

    Its stem pools as that of `SKNet50` does. As in the authors' network file,
    the kernels of the second stage have 16 hidden units, where the paper's rule
    asks for 32.
    """
    return _sknet((3, 4, 23, 3), _narrower_kernel)


@network
def SKResNet18() -> ResNet:
    """Build timm's `skresnet18`, of 11,958,056 trainable parameters."""
    return _sk_resnet((2, 2, 2, 2))


@network
def SKResNet34() -> ResNet:
    """Build timm's `skresnet34`, of 22,282,376 trainable parameters."""
    return _sk_resnet((3, 4, 6, 3))
