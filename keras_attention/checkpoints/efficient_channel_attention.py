"""Key maps of efficient channel attention."""

from keras_attention.channel import EfficientChannelAttention
from keras_attention.checkpoints import _matching
from keras_attention.checkpoints._axis_order import CONVOLUTION_1D
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._matching import Source

_NAME = "conv.weight"
_KEY_MAP: KeyMap = {_NAME: ("kernel", CONVOLUTION_1D)}
EFFICIENT_CHANNEL_ATTENTION_KEY_MAPS = {"official": _KEY_MAP, "timm": _KEY_MAP}


def stand_in(
    target: EfficientChannelAttention, source: Source
) -> EfficientChannelAttention:
    """Return a built layer to load weights into, for a target that is not.

    Its kernel has the size of the target's or, if that has none yet, of the
    kernel in the source.
    """
    match = _matching.best_match(
        EFFICIENT_CHANNEL_ATTENTION_KEY_MAPS, {"kernel": (0, 1, 1)}, source
    )
    name = match.matched_keys.get(_NAME)
    size = target.kernel_size
    if size is None and name is not None and source[name].ndim == 3:
        size = source[name].shape[2]
    layer = EfficientChannelAttention(size, dtype=target.dtype_policy)
    layer.build((None, 1, 1))
    return layer
