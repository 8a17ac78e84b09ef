"""Key maps of attention with queries, keys and values."""

from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._axis_order import SCALAR
from keras_attention.checkpoints._axis_order import VECTOR
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import linear

_PROJECTIONS: KeyMap = (
    linear("query_conv", "query", POINTWISE)
    | linear("key_conv", "key", POINTWISE)
    | linear("value_conv", "value", POINTWISE)
)
CHANNEL_SELF_ATTENTION_KEY_MAPS: dict[str, KeyMap] = {
    "official": {"gamma": ("gamma", VECTOR)},
}
POSITION_ATTENTION_KEY_MAPS: dict[str, KeyMap] = {
    "official": _PROJECTIONS | CHANNEL_SELF_ATTENTION_KEY_MAPS["official"],
}
CRISS_CROSS_ATTENTION_KEY_MAPS = POSITION_ATTENTION_KEY_MAPS | {
    "mmcv": _PROJECTIONS | {"gamma.scale": ("gamma", SCALAR)},
}
