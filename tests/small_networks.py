"""Small networks of every family, for what does not need the large ones."""

import dataclasses

from keras_attention import models
from keras_attention.models._network import network

# Each family and variant, by name: its builder and its options.
FAMILIES = {
    "se": (models.SEResNet50, {}),
    "se_basic": (models.SEResNet18, {}),
    "se_torch": (models.SEResNet50, {"variant": "torch"}),
    "se_moskomule": (
        models.SEResNet50,
        {"variant": "torch", "use_bias": False},
    ),
    "se_resnext": (models.SEResNeXt50, {}),
    "senet": (models.SENet154, {}),
    "cbam": (models.CBAMResNet50, {}),
    "cbam_timm": (models.CBAMResNet18, {"variant": "timm"}),
    "sge": (models.SGEResNet50, {}),
    "sk": (models.SKNet50, {}),
    "sk_basic": (models.SKResNet18, {}),
    "aff": (models.AFFResNet50, {}),
    "aff_torch": (models.AFFResNet50, {"variant": "torch"}),
    "iaff": (models.IAFFResNeXt50, {}),
    "iaff_torch": (models.IAFFResNet50, {"variant": "torch"}),
    "gct": (models.GCTResNet50, {}),
    "attention": (models.AttentionResNet56, {}),
    "attention_next": (models.AttentionNeXt56, {}),
}


def small(family, parts=None, **arguments):
    """Return a network of a family, of four stages of few filters.

    `parts` are others than these stages.
    """
    builder, options = FAMILIES[family]
    spec = builder.__wrapped__(**options)
    if parts is not None:
        pass
    elif hasattr(spec, "depths"):
        width = 32 if spec.halved else 16
        widths = (width, width, 2 * width, 2 * width)
        parts = {"depths": (1, 2, 1, 1), "widths": widths}
    else:
        parts = {"modules": (1, 1), "blocks": 1, "widths": (64, 64, 128)}

    def row():
        return dataclasses.replace(spec, **parts)

    row.__name__ = family
    return network(row)(**({"classes": 10} | arguments))
