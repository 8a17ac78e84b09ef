"""Key maps of MS-CAM, AFF and iAFF."""

from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import ignored
from keras_attention.checkpoints._key_map import linear
from keras_attention.fusion import IterativeAttentionalFeatureFusion

_OFFICIAL = "official"


def _context(name: str, path: str, first: int) -> KeyMap:
    """Return the key map of a context whose first convolution has an index."""
    return (
        linear(f"{name}.{first}", f"{path}.reduce", POINTWISE)
        | batch_norm(f"{name}.{first + 1}", f"{path}.reduce_norm")
        | linear(f"{name}.{first + 3}", f"{path}.expand", POINTWISE)
        | batch_norm(f"{name}.{first + 4}", f"{path}.expand_norm")
    )


# In a global context, index 0 is the pooling, which has no weights.
FEATURE_FUSION_KEY_MAPS = {
    _OFFICIAL: (
        _context("local_att", "local_context", 0)
        | _context("global_att", "global_context", 1)
    ),
}


def iterative_feature_fusion_key_maps(
    target: IterativeAttentionalFeatureFusion,
) -> dict[str, KeyMap]:
    """Return the key maps for a target with one or two global contexts."""
    second_global = _context("global_att2", "second_global_context", 1)
    return {
        _OFFICIAL: (
            FEATURE_FUSION_KEY_MAPS[_OFFICIAL]
            | _context("local_att2", "second_local_context", 0)
            | (ignored(second_global) if target.share_global else second_global)
        ),
    }
