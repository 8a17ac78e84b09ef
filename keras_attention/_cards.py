"""All layers with a card, by family: what the tables of layers read."""

from typing import Any

from keras_attention import channel
from keras_attention import fusion
from keras_attention import hard
from keras_attention import mixed
from keras_attention import self_attention
from keras_attention import spatial

FAMILIES = {
    "channel": channel,
    "spatial": spatial,
    "mixed": mixed,
    "self_attention": self_attention,
    "fusion": fusion,
    "hard": hard,
}


def layers() -> dict[str, Any]:
    """Return the public layers and models by name, in the order of families."""
    return {
        name: getattr(family, name)
        for family in FAMILIES.values()
        for name in family.__all__
    }
