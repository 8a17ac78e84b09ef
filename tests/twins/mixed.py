"""Gates of both."""

from twins.channel import channel_attention
from twins.maths import part
from twins.spatial import spatial_attention


def cbam(layer, weights, x):
    refined, channel = channel_attention(layer, part(weights, "channel"), x)
    seen = {"original": x, "refined": refined}[layer.spatial_input]
    _, spatial = spatial_attention(layer, part(weights, "spatial"), seen)
    return refined * spatial, {"channel": channel, "spatial": spatial}


TWINS = {"CBAM": cbam}
