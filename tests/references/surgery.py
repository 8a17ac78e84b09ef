"""Reference implementation of `IdentityStart`."""

from references.channel import REFERENCES as CHANNEL
from references.deformable import REFERENCES as DEFORMABLE
from references.maths import part
from references.mixed import REFERENCES as MIXED
from references.spatial import REFERENCES as SPATIAL

INNER = {**CHANNEL, **DEFORMABLE, **MIXED, **SPATIAL}


def identity_start(layer, weights, x):
    reference = INNER[type(layer.layer).__name__]
    inner = part(weights, layer.layer.name)
    outputs, attention = reference(layer.layer, inner, x)
    s = weights["scale"]
    return (1 - s) * x + s * outputs, attention


REFERENCES = {"IdentityStart": identity_start}
