"""Key maps of polarized self-attention."""

from keras_attention.checkpoints._axis_order import LAYER_NORM
from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import linear
from keras_attention.mixed import PolarizedSelfAttention


def polarized_self_attention_key_maps(
    target: PolarizedSelfAttention,
) -> dict[str, KeyMap]:
    """Return the key maps for a target of this mode."""
    key_map: KeyMap = {
        f"{name}.weight": (f"{path}.kernel", POINTWISE)
        for name, path in (
            ("conv_q_right", "channel_query"),
            ("conv_v_right", "channel_value"),
            ("conv_q_left", "spatial_query"),
            ("conv_v_left", "spatial_value"),
        )
    }
    if target.mode == "parallel":
        return {
            "official": key_map
            | {"conv_up.weight": ("expand.kernel", POINTWISE)}
        }
    key_map |= linear("conv_up.0", "reduce", POINTWISE)
    key_map |= {
        "conv_up.1.weight": ("gamma", LAYER_NORM),
        "conv_up.1.bias": ("beta", LAYER_NORM),
    }
    return {"official": key_map | linear("conv_up.3", "expand", POINTWISE)}
