"""Key maps of triplet attention."""

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import batch_norm


def _key_map(**gates: str) -> KeyMap:
    """Return the key map for a name of each gate."""
    key_map: KeyMap = {}
    for path, name in gates.items():
        key_map[f"{name}.conv.weight"] = (f"{path}.conv.kernel", CONVOLUTION)
        key_map |= batch_norm(f"{name}.bn", f"{path}.norm")
    return key_map


# The authors name a gate by the axis that is swapped with the channels, and
# this is the axis that is pooled. The gate of positions may be missing.
TRIPLET_ATTENTION_KEY_MAPS = {
    "official": _key_map(
        height="ChannelGateW.spatial",
        width="ChannelGateH.spatial",
        spatial="SpatialGate.spatial",
    ),
    # The authors' file of that name has other names.
    "triplet_attention": _key_map(
        height="hc.conv", width="cw.conv", spatial="hw.conv"
    ),
}
