"""Squeeze-and-Excitation networks (Hu et al., 2018).

`SEResNet18`, `SEResNet34`, `SEResNet50`, `SEResNet101`, `SEResNet152`,
`SEResNeXt50`, `SEResNeXt101` and `SENet154`, with a
`keras_attention.SqueezeExcite` at the end of every residual branch.

Example:

>>> from keras_attention.models import se_resnet
>>> model = se_resnet.SEResNet18(include_top=False, pooling="avg")
>>> model.output_shape
(None, 512)
>>> tuple(se_resnet.preprocess_input(np.full((1, 4, 4, 3), 255)).shape)
(1, 4, 4, 3)
>>> attention = model.get_layer("stage1_block1_se")
>>> tuple(attention.attention(np.ones((1, 8, 8, 64))).shape)
(1, 1, 1, 64)

Reference:
    `Squeeze-and-Excitation Networks <https://arxiv.org/abs/1709.01507>`_.
"""

import functools
from typing import Any
from typing import Literal

from keras_attention._utils import validation
from keras_attention._utils.types import AttentionLayer
from keras_attention.channel import SqueezeExcite
from keras_attention.models import _imagenet
from keras_attention.models._attention_slot import AttentionSlot
from keras_attention.models._imagenet import decode_predictions
from keras_attention.models._network import network
from keras_attention.models._resnet import ResNet

__all__ = [
    "SENet154",
    "SEResNeXt50",
    "SEResNeXt101",
    "SEResNet18",
    "SEResNet34",
    "SEResNet50",
    "SEResNet101",
    "SEResNet152",
    "decode_predictions",
    "preprocess_input",
]

_VARIANTS = ("official", "torch")
# timm has at least 8 hidden units in basic blocks.
_TIMM_UNITS: tuple[dict[str, int], ...] = ({"hidden_units": 8}, {}, {}, {})


def _se_resnet(
    depths: tuple[int, ...],
    variant: str,
    use_bias: bool,
    attention: AttentionLayer,
    **options: Any,
) -> ResNet:
    """Return the architecture of one depth and variant."""
    is_basic = options.get("block") == "basic"
    variants = (*_VARIANTS, "timm") if is_basic else _VARIANTS
    validation.one_of("variant", variant, variants)
    validation.boolean("use_bias", use_bias)
    is_official = variant == "official"
    has_groups = options.get("groups", 1) > 1
    own = AttentionSlot(
        "se",
        functools.partial(SqueezeExcite, 16, use_bias=use_bias),
        _TIMM_UNITS if variant == "timm" else (),
    )
    return ResNet(
        depths=depths,
        # In the authors' Caffe networks without groups.
        strides_first=is_official and not has_groups,
        pool_padding="end" if is_official else "both",
        relu_before_attention=is_official,
        attention=AttentionSlot.of(attention, own, SqueezeExcite),
        **options,
    )


@network
def SEResNet18(
    variant: Literal["official", "torch", "timm"] = "official",
    use_bias: bool = True,
    attention: AttentionLayer = "se",
) -> ResNet:
    """Builds SE-ResNet-18, of 11,778,592 trainable parameters.

    Args:
        variant: `"official"` for timm's `legacy_seresnet18`, which follows the
            authors' networks: the residual branch has a ReLU before the
            squeeze-and-excitation, and the max pooling in the stem rounds up.
            `"torch"` for the network of PytorchInsight, with the usual blocks.
            `"timm"` for timm's `seresnet18`, with the usual blocks and 8 hidden
            units, not 4, in the first stage: 11,779,624 trainable parameters.
        use_bias: Whether the squeeze-and-excitation has biases. In
            senet.pytorch it has none.
    """
    return _se_resnet((2, 2, 2, 2), variant, use_bias, attention, block="basic")


@network
def SEResNet34(
    variant: Literal["official", "torch", "timm"] = "official",
    use_bias: bool = True,
    attention: AttentionLayer = "se",
) -> ResNet:
    """Builds SE-ResNet-34, of 21,958,868 trainable parameters.

    Args:
        variant: `"official"` for timm's `legacy_seresnet34`, `"torch"`, or
            `"timm"` for timm's `seresnet34`, as in `SEResNet18`: 21,960,416
            trainable parameters.
        use_bias: Whether the squeeze-and-excitation has biases. In
            senet.pytorch it has none.
    """
    return _se_resnet((3, 4, 6, 3), variant, use_bias, attention, block="basic")


@network
def SEResNet50(
    variant: Literal["official", "torch"] = "official",
    use_bias: bool = True,
    attention: AttentionLayer = "se",
) -> ResNet:
    """Builds SE-ResNet-50, of 28,088,024 trainable parameters.

    Args:
        variant: `"official"` for the authors' network, which is timm's
            `legacy_seresnet50`: the first convolution of a block has the
            stride, and the max pooling in the stem rounds up. `"torch"` for
            timm's `seresnet50` and the networks of PytorchInsight and
            senet.pytorch: the second convolution has the stride.
        use_bias: Whether the squeeze-and-excitation has biases. In
            senet.pytorch it has none.
    """
    return _se_resnet((3, 4, 6, 3), variant, use_bias, attention)


@network
def SEResNet101(
    variant: Literal["official", "torch"] = "official",
    use_bias: bool = True,
    attention: AttentionLayer = "se",
) -> ResNet:
    """Builds SE-ResNet-101, of 49,326,872 trainable parameters.

    Args:
        variant: `"official"` or `"torch"`, as in `SEResNet50`.
        use_bias: Whether the squeeze-and-excitation has biases. In
            senet.pytorch it has none.
    """
    return _se_resnet((3, 4, 23, 3), variant, use_bias, attention)


@network
def SEResNet152(
    variant: Literal["official", "torch"] = "official",
    use_bias: bool = True,
    attention: AttentionLayer = "se",
) -> ResNet:
    """Builds SE-ResNet-152, of 66,821,848 trainable parameters.

    Args:
        variant: `"official"` or `"torch"`, as in `SEResNet50`.
        use_bias: Whether the squeeze-and-excitation has biases. In
            senet.pytorch it has none.
    """
    return _se_resnet((3, 8, 36, 3), variant, use_bias, attention)


@network
def SEResNeXt50(
    variant: Literal["official", "torch"] = "official",
    use_bias: bool = True,
    attention: AttentionLayer = "se",
) -> ResNet:
    """Builds SE-ResNeXt-50 32x4d, of 27,559,896 trainable parameters.

    Args:
        variant: `"official"` for the authors' network, which is timm's
            `legacy_seresnext50_32x4d`: the max pooling in the stem rounds up.
            `"torch"` for timm's `seresnext50_32x4d`, where it pads both sides.
        use_bias: Whether the squeeze-and-excitation has biases.
    """
    return _se_resnet(
        (3, 4, 6, 3), variant, use_bias, attention, groups=32, base_width=4
    )


@network
def SEResNeXt101(
    variant: Literal["official", "torch"] = "official",
    use_bias: bool = True,
    attention: AttentionLayer = "se",
) -> ResNet:
    """Builds SE-ResNeXt-101 32x4d, of 48,955,416 trainable parameters.

    Args:
        variant: `"official"` or `"torch"`, as in `SEResNeXt50`.
        use_bias: Whether the squeeze-and-excitation has biases.
    """
    return _se_resnet(
        (3, 4, 23, 3), variant, use_bias, attention, groups=32, base_width=4
    )


@network
def SENet154(attention: AttentionLayer = "se") -> ResNet:
    """Builds SENet-154, of 115,088,984 trainable parameters.

    This is an SE-ResNeXt-152 64x4d whose blocks have half as many filters in
    the first convolution, with three convolutions in the stem, projections of
    kernel size 3, and dropout.
    """
    return _se_resnet(
        (3, 8, 36, 3),
        "official",
        True,
        attention,
        groups=64,
        base_width=4,
        narrow_first_conv=True,
        stem=(64, 64, 128),
        shortcut_kernel_size=3,
        dropout=0.2,
    )


def preprocess_input(
    x: Any, data_format: str | None = None, *, mode: str = "caffe"
) -> Any:
    """Preprocesses images as they were for the training of the weights.

    Args:
        x: One RGB image or a batch of them, with values from 0 to 255.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        mode: `"caffe"` for weights of the authors' Caffe networks: the channels
            are reversed from RGB to BGR, and the mean of each channel is
            subtracted. `"torch"` for weights of timm (of its `legacy_`
            networks, too) and of other PyTorch networks: the values are scaled
            to 0...1, then normalized by the mean and the standard deviation of
            each channel.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        ValueError: If `mode` is neither `"caffe"` nor `"torch"`.
    """
    validation.one_of("mode", mode, ("caffe", "torch"))
    if mode == "caffe":
        return _imagenet.preprocess_caffe(x, data_format)
    return _imagenet.preprocess_torch(x, data_format)
