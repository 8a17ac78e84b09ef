"""Key maps of non-local blocks."""

import math
from dataclasses import replace

from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._axis_order import VECTOR
from keras_attention.checkpoints._axis_order import AxisOrder
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import linear
from keras_attention.self_attention import NonLocal


def non_local_key_maps(target: NonLocal) -> dict[str, KeyMap]:
    """Return the key maps for a target with these arguments."""
    hidden, channels = target.expand.kernel.shape
    is_embedded = target.mode == "embedded_gaussian"
    is_scaled = is_embedded and target.scale
    axes = target.input_spec.ndim - 2
    pointwise = AxisOrder("IO", ("OI" + "1" * axes, "OI"))
    # The pooling is a second layer, with no weights, after the convolution.
    pooled = ".0" if target.pool_size > 1 else ""
    key_maps = {
        "mmcv": (
            linear("theta.conv", "query", pointwise)
            | linear(f"phi{pooled}.conv", "key", pointwise)
            | linear(f"g{pooled}.conv", "value", pointwise)
            | {"concat_project.conv.weight": ("score", POINTWISE)}
            | linear("conv_out.conv", "expand", pointwise)
            | batch_norm("conv_out.bn", "norm")
        ),
        "non-local_pytorch": (
            # That code does not scale the products.
            _scaled("theta", pointwise, math.sqrt(hidden) if is_scaled else 1)
            | linear(f"phi{pooled}", "key", pointwise)
            | linear(f"g{pooled}", "value", pointwise)
            | {"concat_project.0.weight": ("score", POINTWISE)}
            | linear("W.0" if target.use_norm else "W", "expand", pointwise)
            | batch_norm("W.1", "norm")
        ),
    }
    if target.use_norm:
        key_maps["mmcv"]["conv_out.conv.bias"] = (
            "expand.bias",
            replace(VECTOR, folded_into="norm.moving_mean"),
        )
    if is_embedded and target.use_norm and target.pool_size == 1:
        # It scales the products by the number of channels of the input.
        factor = math.sqrt(hidden / channels) if is_scaled else 1
        key_maps["timm"] = (
            _scaled("t", pointwise, factor)
            | linear("p", "key", pointwise)
            | linear("g", "value", pointwise)
            | linear("z", "expand", pointwise)
            | batch_norm("norm", "norm")
        )
    return key_maps


def _scaled(name: str, pointwise: AxisOrder, factor: float) -> KeyMap:
    """Return the key map of the queries, which are multiplied by a factor."""
    return {
        key: (path, replace(axis_order, factor=factor))
        for key, (path, axis_order) in linear(name, "query", pointwise).items()
    }
