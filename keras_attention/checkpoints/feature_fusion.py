"""The names of published MS-CAM, AFF and iAFF weights."""

from keras_attention.checkpoints._kinds import POINTWISE
from keras_attention.checkpoints._parts import Layout
from keras_attention.checkpoints._parts import batch_norm
from keras_attention.checkpoints._parts import linear
from keras_attention.checkpoints._parts import unused
from keras_attention.fusion import IterativeAttentionalFeatureFusion

_OFFICIAL = "official"


def _context(name: str, path: str, first: int) -> Layout:
    """Return the layout of a branch whose first convolution has an index."""
    return (
        linear(f"{name}.{first}", f"{path}.reduce", POINTWISE)
        | batch_norm(f"{name}.{first + 1}", f"{path}.reduce_norm")
        | linear(f"{name}.{first + 3}", f"{path}.expand", POINTWISE)
        | batch_norm(f"{name}.{first + 4}", f"{path}.expand_norm")
    )


# Layers of the global branches count from the pooling, which has no weights.
FEATURE_FUSION_LAYOUTS = {
    _OFFICIAL: (
        _context("local_att", "local_context", 0)
        | _context("global_att", "global_context", 1)
    ),
}


def iterative_feature_fusion_layouts(
    target: IterativeAttentionalFeatureFusion,
) -> dict[str, Layout]:
    """Return the layouts for a target, which may have one global branch."""
    second_global = _context("global_att2", "second_global_context", 1)
    return {
        _OFFICIAL: (
            FEATURE_FUSION_LAYOUTS[_OFFICIAL]
            | _context("local_att2", "second_local_context", 0)
            | (unused(second_global) if target.share_global else second_global)
        ),
    }
