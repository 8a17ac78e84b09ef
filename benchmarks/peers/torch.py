"""PyTorch."""

import torch
from torch.nn import functional

from benchmarks.peers.sampling_torch import SAMPLERS
from benchmarks.peers.sampling_torch import conv_offset2d
from benchmarks.peers.sampling_torch import deformable_conv2d
from benchmarks.peers.sampling_torch import glimpse_network
from benchmarks.peers.sampling_torch import glimpse_sensor
from benchmarks.peers.sampling_torch import spatial_transformer

__all__ = [
    "SAMPLERS",
    "conv_offset2d",
    "deformable_conv2d",
    "gated_channel_transform",
    "glimpse_network",
    "glimpse_sensor",
    "spatial_transformer",
    "squeeze_excite",
]


def _spatial(config):
    """Return the axes of a map that pooling removes."""
    return (1, 2) if config["data_format"] == "channels_last" else (2, 3)


def _spread(gate, config):
    """Return a vector of channels to multiply a map by."""
    if config["data_format"] == "channels_last":
        return gate[:, None, None, :]
    return gate[:, :, None, None]


def squeeze_excite(w, x, *, config, training):
    """Squeeze and excitation."""
    z = x.mean(_spatial(config))
    z = torch.relu(functional.linear(z, w["squeeze/kernel"]))
    gate = torch.sigmoid(functional.linear(z, w["excite/kernel"]))
    return x * _spread(gate, config)


def gated_channel_transform(w, x, *, config, training):
    """GCT in its L2 form."""
    axes = _spatial(config)
    s = w["alpha"] * (x.square().sum(axes) + config["epsilon"]).sqrt()
    norm = (s.square().mean(1, keepdim=True) + config["epsilon"]).rsqrt()
    gate = 1 + torch.tanh(w["gamma"] * s * norm + w["beta"])
    return x * _spread(gate, config)
