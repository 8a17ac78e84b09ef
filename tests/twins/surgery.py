"""A layer whose share in the output is learned."""

from twins.channel import TWINS as CHANNEL
from twins.maths import part
from twins.mixed import TWINS as MIXED


def identity_start(layer, weights, x):
    twin = {**CHANNEL, **MIXED}[type(layer.layer).__name__]
    inner = part(weights, layer.layer.name)
    outputs, attention = twin(layer.layer, inner, x)
    s = weights["scale"]
    return (1 - s) * x + s * outputs, attention


TWINS = {"IdentityStart": identity_start}
