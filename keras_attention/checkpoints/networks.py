"""Key maps of whole networks.

The published name of a layer follows from its name and class here. So a key map
is made of the layers of a network alone, also of one that was loaded from a
file, or that is a part of another model.
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import ignored
from keras_attention.checkpoints._key_map import linear
from keras_attention.checkpoints._key_map import nested
from keras_attention.checkpoints._network_names import CLASSIFIER
from keras_attention.checkpoints._network_names import NETWORK_NAMES
from keras_attention.checkpoints._network_names import NetworkNames
from keras_attention.checkpoints._targets import weights_by_path


def network_key_maps(
    model: keras.Model, key_maps_of: Callable[[Any], Mapping[str, KeyMap]]
) -> dict[str, KeyMap]:
    """Return the key maps, by layout, that have most weights of a network.

    There is none if no key map has more than half of the weights.

    Args:
        model: The network.
        key_maps_of: A function from an attention layer to its key maps.
    """
    weights = weights_by_path(model)
    pool_padding = _pool_padding(model)
    best: dict[str, KeyMap] = {}
    most = len(weights) // 2 + 1
    for names in NETWORK_NAMES:
        if names.pool_padding not in ("", pool_padding):
            continue
        key_map = _key_map(names, model, key_maps_of)
        mapped = len({path for path, _ in key_map.values()} & weights.keys())
        if mapped > most:
            best, most = {}, mapped
        if mapped == most:
            best[names.layout] = key_map
    return best


def _pool_padding(model: keras.Model) -> str:
    """Return the padding of the pooling in the stem of a network."""
    for layer in model.layers:
        if layer.name == "stem_pool_pad":
            return "end" if layer.padding[0][0] == 0 else "both"
    return "none"


def _key_map(
    names: NetworkNames,
    model: keras.Model,
    key_maps_of: Callable[[Any], Mapping[str, KeyMap]],
) -> KeyMap:
    """Return the key map of the layers that have a published name."""
    key_map: KeyMap = {}
    for layer in model.layers:
        published = names.published_name(layer.name)
        if layer.weights and published is not None:
            key_map |= _key_map_of_layer(names, published, layer, key_maps_of)
    # A network without a classifier ignores the published one.
    classifier = ignored(linear(names.outside_blocks[CLASSIFIER], CLASSIFIER))
    return key_map | {
        name: entry for name, entry in classifier.items() if name not in key_map
    }


def _key_map_of_layer(
    names: NetworkNames,
    published: str,
    layer: keras.layers.Layer,
    key_maps_of: Callable[[Any], Mapping[str, KeyMap]],
) -> KeyMap:
    """Return the key map of one layer, given its published name."""
    if isinstance(layer, keras.layers.Conv2D):
        return {f"{published}.weight": (f"{layer.name}.kernel", CONVOLUTION)}
    if isinstance(layer, keras.layers.BatchNormalization):
        key_map = batch_norm(published, layer.name)
        if names.has_scale_layers:
            for kind in ("weight", "bias"):
                entry = key_map.pop(f"{published}.{kind}")
                key_map[f"{published}/scale.{kind}"] = entry
        return key_map
    if isinstance(layer, keras.layers.Dense):
        return linear(published, layer.name)
    layout = names.attention_layout or names.layout
    return nested(published, layer.name, key_maps_of(layer).get(layout, {}))
