"""Small networks of every family, for tests that do not need large ones."""

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
    "se_timm": (models.SEResNet34, {"variant": "timm"}),
    "eca": (models.ECAResNet50, {}),
    "eca_timm": (models.ECAResNet18, {"variant": "timm"}),
    "gc": (models.GCResNet50, {}),
    "coord": (models.CoordResNet50, {}),
    "coord_timm": (models.CoordResNet50, {"variant": "timm"}),
    "bam": (models.BAMResNet50, {}),
    "resnest": (models.ResNeSt50, {}),
    "attention": (models.AttentionResNet56, {}),
    "attention_next": (models.AttentionNeXt56, {}),
}


def small(family, changes=None, **arguments):
    """Return a small network of a family.

    Args:
        family: A key of `FAMILIES`.
        changes: Attributes of the architecture to change. The default makes
            four stages of few filters.
        **arguments: Arguments of the builder.
    """
    builder, options = FAMILIES[family]
    architecture = builder.__wrapped__(**options)
    return small_of(architecture, family, changes, **arguments)


def small_of(architecture, name="small", changes=None, **arguments):
    """Return a small network of an architecture: see `small`."""
    if changes is not None:
        pass
    elif hasattr(architecture, "depths"):
        width = 32 if architecture.narrow_first_conv else 16
        widths = (width, width, 2 * width, 2 * width)
        changes = {"depths": (1, 2, 1, 1), "widths": widths}
    else:
        changes = {"modules": (1, 1), "blocks": 1, "widths": (64, 64, 128)}

    def make_architecture():
        return dataclasses.replace(architecture, **changes)

    make_architecture.__name__ = name
    return network(make_architecture)(**({"classes": 10} | arguments))
