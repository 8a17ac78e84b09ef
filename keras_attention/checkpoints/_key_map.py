"""Key maps: which published name belongs to which weight of a target.

For each name in a published layout, a key map has the weight of the target, as
a path of attributes, and the order of its axes.
"""

from dataclasses import replace

from keras_attention.checkpoints._axis_order import LINEAR
from keras_attention.checkpoints._axis_order import VECTOR
from keras_attention.checkpoints._axis_order import AxisOrder

KeyMap = dict[str, tuple[str, AxisOrder]]


class PartialKeyMap(KeyMap):
    """The key map of a published layer that lacks some weights of the target.

    Args:
        key_map: The key map of the weights that the published layer has.
        kept: The paths of the others, which keep their values when a source is
            loaded, and are not exported.
    """

    def __init__(self, key_map: KeyMap, kept: tuple[str, ...]) -> None:
        super().__init__(key_map)
        self.kept = kept


# The path of a published weight that the published network does not use.
IGNORED = ""


def kept_paths(key_map: KeyMap) -> tuple[str, ...]:
    """Return the paths of the weights that keep their values."""
    return key_map.kept if isinstance(key_map, PartialKeyMap) else ()


def linear(name: str, path: str, kernel: AxisOrder = LINEAR) -> KeyMap:
    """Return the key map of a PyTorch layer with a kernel and maybe a bias."""
    return {
        f"{name}.weight": (f"{path}.kernel", kernel),
        f"{name}.bias": (f"{path}.bias", VECTOR),
    }


def batch_norm(name: str, path: str) -> KeyMap:
    """Return the key map of a PyTorch batch normalization."""
    return {
        f"{name}.weight": (f"{path}.gamma", VECTOR),
        f"{name}.bias": (f"{path}.beta", VECTOR),
        f"{name}.running_mean": (f"{path}.moving_mean", VECTOR),
        f"{name}.running_var": (f"{path}.moving_variance", VECTOR),
    }


def nested(prefix: str, path: str, key_map: KeyMap) -> KeyMap:
    """Return the key map of a sublayer, as a part of the outer layer's.

    Args:
        prefix: The prefix of the sublayer's names in the published layout.
        path: The path of the sublayer in the target.
        key_map: The key map of the sublayer alone.
    """
    return {
        prefix + name: (f"{path}.{inner_path}", axis_order)
        for name, (inner_path, axis_order) in key_map.items()
    }


def ignored(key_map: KeyMap) -> KeyMap:
    """Return a key map whose names may be in a source, and are ignored."""
    return {
        name: (IGNORED, axis_order) for name, (_, axis_order) in key_map.items()
    }


def piece_of(pieces: int, key_map: KeyMap) -> KeyMap:
    """Return the key map of a weight that is one of several pieces.

    The pieces are concatenated in the order of the outer key map.

    Args:
        pieces: The number of pieces.
        key_map: The key map of one of them.
    """
    return {
        name: (path, replace(axis_order, pieces=pieces))
        for name, (path, axis_order) in key_map.items()
    }
