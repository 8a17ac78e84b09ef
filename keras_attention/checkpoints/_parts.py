"""What layouts are made of.

A layout is a table: for each name that a reference gives to a weight, which
weight of the target that is, as a path of attributes, and of which kind.
"""

from dataclasses import replace

from keras_attention.checkpoints._kinds import LINEAR
from keras_attention.checkpoints._kinds import VECTOR
from keras_attention.checkpoints._kinds import Kind

Layout = dict[str, tuple[str, Kind]]

# The path of what a reference stores and never uses.
UNUSED = ""


def linear(name: str, path: str, kernel: Kind = LINEAR) -> Layout:
    """Return the layout of a PyTorch layer with a kernel and perhaps a bias."""
    return {
        f"{name}.weight": (f"{path}.kernel", kernel),
        f"{name}.bias": (f"{path}.bias", VECTOR),
    }


def batch_norm(name: str, path: str) -> Layout:
    """Return the layout of a PyTorch batch norm."""
    return {
        f"{name}.weight": (f"{path}.gamma", VECTOR),
        f"{name}.bias": (f"{path}.beta", VECTOR),
        f"{name}.running_mean": (f"{path}.moving_mean", VECTOR),
        f"{name}.running_var": (f"{path}.moving_variance", VECTOR),
    }


def within(name: str, path: str, layout: Layout) -> Layout:
    """Return the layout of a part, as the whole sees it.

    Args:
        name: What the reference puts before each name of the part.
        path: Where the part is in the target.
        layout: The part's own layout.
    """
    return {
        name + inner_name: (f"{path}.{inner_path}", kind)
        for inner_name, (inner_path, kind) in layout.items()
    }


def unused(layout: Layout) -> Layout:
    """Return the layout of a part that the reference makes no use of."""
    return {name: (UNUSED, kind) for name, (_, kind) in layout.items()}


def one_of(parts: int, layout: Layout) -> Layout:
    """Return the layout of arrays of which so many make one of the target's.

    They are put side by side in the order in which they are told.
    """
    return {
        name: (path, replace(kind, parts=parts))
        for name, (path, kind) in layout.items()
    }
