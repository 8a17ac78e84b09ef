"""A layer whose share in the output is learned."""

from twins.channel import TWINS as CHANNEL
from twins.deformable import TWINS as DEFORMABLE
from twins.maths import part
from twins.mixed import TWINS as MIXED
from twins.spatial import TWINS as SPATIAL

INNER = {**CHANNEL, **DEFORMABLE, **MIXED, **SPATIAL}


def identity_start(layer, weights, x):
    twin = INNER[type(layer.layer).__name__]
    inner = part(weights, layer.layer.name)
    outputs, attention = twin(layer.layer, inner, x)
    s = weights["scale"]
    return (1 - s) * x + s * outputs, attention


TWINS = {"IdentityStart": identity_start}
