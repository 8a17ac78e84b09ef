"""Key maps of multi-scale deformable attention."""

from keras_attention.checkpoints._axis_order import LINEAR
from keras_attention.checkpoints._axis_order import VECTOR
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import linear

_KEY_MAP: KeyMap = {
    "sampling_offsets.weight": ("offset_kernel", LINEAR),
    "sampling_offsets.bias": ("offset_bias", VECTOR),
    **linear("attention_weights", "score"),
    **linear("value_proj", "value"),
    **linear("output_proj", "out"),
}
MULTI_SCALE_DEFORMABLE_ATTENTION_KEY_MAPS: dict[str, KeyMap] = {
    "official": _KEY_MAP,
    "mmcv": _KEY_MAP,
}
