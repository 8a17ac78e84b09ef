"""Key maps of the bottleneck attention module."""

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._axis_order import VECTOR
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import linear

_CHANNEL = "channel_att.gate_c.gate_c_"
_SPATIAL = "spatial_att.gate_s.gate_s_"


def _dilated(index: int) -> KeyMap:
    """Return the key map of a dilated convolution and its normalization."""
    name, path = f"{_SPATIAL}conv_di_{index}", f"dilated_{index}"
    return {
        f"{name}.weight": (f"{path}.conv.kernel", CONVOLUTION),
        f"{name}.bias": (f"{path}.bias", VECTOR),
        **batch_norm(f"{_SPATIAL}bn_di_{index}", f"{path}.norm"),
    }


BAM_KEY_MAPS = {
    "official": (
        linear(f"{_CHANNEL}fc_0", "squeeze")
        | batch_norm(f"{_CHANNEL}bn_1", "squeeze_norm")
        | linear(f"{_CHANNEL}fc_final", "excite")
        | linear(f"{_SPATIAL}conv_reduce0", "reduce", POINTWISE)
        | batch_norm(f"{_SPATIAL}bn_reduce0", "reduce_norm")
        | _dilated(0)
        | _dilated(1)
        | linear(f"{_SPATIAL}conv_final", "score", POINTWISE)
    ),
}
