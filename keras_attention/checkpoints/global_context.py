"""Key maps of the global context block."""

from keras_attention.checkpoints._axis_order import LAYER_NORM
from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._axis_order import VECTOR
from keras_attention.checkpoints._axis_order import AxisOrder
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import linear


def _transform(
    path: str, names: tuple[str, str, str], vector: AxisOrder
) -> KeyMap:
    """Return the key map of a transform, from the names of its layers."""
    reduce, norm, expand = names
    return {
        **linear(reduce, f"{path}.reduce", POINTWISE),
        f"{norm}.weight": (f"{path}.gamma", vector),
        f"{norm}.bias": (f"{path}.beta", vector),
        **linear(expand, f"{path}.expand", POINTWISE),
    }


def _mmcv(path: str, name: str) -> KeyMap:
    names = (f"{name}.0", f"{name}.1", f"{name}.3")
    return _transform(path, names, LAYER_NORM)


def _timm(path: str, name: str) -> KeyMap:
    names = (f"{name}.fc1", f"{name}.norm", f"{name}.fc2")
    return _transform(path, names, VECTOR)


# The transforms are expected that the target has.
GLOBAL_CONTEXT_KEY_MAPS = {
    "mmcv": (
        linear("conv_mask", "mask", POINTWISE)
        | _mmcv("add", "channel_add_conv")
        | _mmcv("scale", "channel_mul_conv")
    ),
    "timm": (
        linear("conv_attn", "mask", POINTWISE)
        | _timm("add", "mlp_add")
        | _timm("scale", "mlp_scale")
    ),
}
