"""Export of weights under published names."""

import keras
import numpy as np

from keras_attention.checkpoints._parts import Layout
from keras_attention.checkpoints._registry import layouts_of
from keras_attention.checkpoints._targets import weights_by_path


def export_reference_weights(
    target: keras.layers.Layer, layout: str
) -> dict[str, np.ndarray]:
    """Returns weights under the names and shapes of a published implementation.

    It undoes what `keras_attention.load_reference_weights` does: what is
    returned may be loaded again, and, as tensors, into the implementation's own
    network (in PyTorch, with `load_state_dict`, which is strict).

    Args:
        target: A built layer, or a network of `keras_attention.models`.
        layout: Whose names to give: one that `load_reference_weights` tells in
            brackets for the layer, such as `"timm"`, or a part of it that no
            other has. For networks there are `"timm"`, `"timm legacy"`,
            `"PytorchInsight"`, `"senet.pytorch"`, `"open-aff"`, `"the authors'
            PyTorch networks"` and `"the authors' Caffe networks"`, each where
            it has such a network.

    Returns:
        NumPy arrays by name, in the implementation's own layout.

    Raises:
        ValueError: If `target` is not built or has no known reference, or if
            `layout` is none of its, or has no name for one of its weights.

    Example:

    >>> layer = keras_attention.SqueezeExcite(reduction=4)
    >>> layer.build((None, 8, 8, 16))
    >>> weights = keras_attention.export_reference_weights(layer, "timm")
    >>> {name: array.shape for name, array in weights.items()}
    {'fc1.weight': (4, 16, 1, 1), 'fc2.weight': (16, 4, 1, 1)}
    """
    chosen = _choose(layouts_of(target), layout)
    weights = weights_by_path(target)
    names: dict[str, list[str]] = {path: [] for path in weights}
    for name, (path, _) in chosen.items():
        if path in names:
            names[path].append(name)
    unnamed = [path for path, found in names.items() if not found]
    if unnamed:
        raise ValueError(
            "`layout` must have a name for every weight of the target, and has "
            f"none for {', '.join(map(repr, unnamed))}. "
            f"Received: layout={layout!r}"
        )
    exported = {}
    for path, found in names.items():
        array = keras.ops.convert_to_numpy(weights[path])
        # Several arrays of a reference may make one here, side by side.
        parts = np.split(array, len(found), axis=-1)
        for name, part in zip(found, parts, strict=True):
            _, kind = chosen[name]
            exported[name] = kind.to_reference(part)
    return exported


def _choose(layouts: dict[str, Layout], layout: str) -> Layout:
    """Return the layout of a title, or of the only one that holds a part."""

    def plain(title: object) -> str:
        return str(title).casefold().replace("_", " ")

    exact = [title for title in layouts if plain(title) == plain(layout)]
    alike = [title for title in layouts if plain(layout) in plain(title)]
    found = exact or alike
    if len(found) != 1:
        titles = " or ".join(map(repr, layouts))
        raise ValueError(
            f"`layout` must be {titles}. Received: layout={layout!r}"
        )
    return layouts[found[0]]
