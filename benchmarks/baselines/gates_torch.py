"""Channel and spatial attention in PyTorch."""

import torch
from torch.nn import functional


def _spatial(config):
    """Return the spatial axes of a map."""
    return (1, 2) if config["data_format"] == "channels_last" else (2, 3)


def _broadcast(gate, config):
    """Reshape a vector of channels to broadcast with a map."""
    if config["data_format"] == "channels_last":
        return gate[:, None, None, :]
    return gate[:, :, None, None]


def squeeze_excite(w, x, *, config, training):
    """Squeeze and excitation."""
    z = x.mean(_spatial(config))
    z = torch.relu(functional.linear(z, w["squeeze/kernel"]))
    gate = torch.sigmoid(functional.linear(z, w["excite/kernel"]))
    return x * _broadcast(gate, config)


def gated_channel_transform(w, x, *, config, training):
    """Gated channel transformation, mode L2."""
    axes = _spatial(config)
    s = w["alpha"] * (x.square().sum(axes) + config["epsilon"]).sqrt()
    norm = (s.square().mean(1, keepdim=True) + config["epsilon"]).rsqrt()
    gate = 1 + torch.tanh(w["gamma"] * s * norm + w["beta"])
    return x * _broadcast(gate, config)


def _channel_gate(w, x, config, prefix=""):
    def mlp(z):
        z = functional.linear(
            z, w[prefix + "squeeze/kernel"], w[prefix + "squeeze/bias"]
        )
        return functional.linear(
            torch.relu(z),
            w[prefix + "excite/kernel"],
            w[prefix + "excite/bias"],
        )

    axes = _spatial(config)
    gate = mlp(x.mean(axes)) + mlp(x.amax(axes))
    return _broadcast(torch.sigmoid(gate), config)


def _spatial_gate(w, x, config, prefix=""):
    last = config["data_format"] == "channels_last"
    axis = 3 if last else 1
    kernel = w[prefix + "conv/kernel"]
    scores = functional.conv2d(
        torch.stack((x.amax(axis), x.mean(axis)), 1),
        kernel,
        w[prefix + "conv/bias"],
        padding=kernel.shape[-1] // 2,
    )
    gate = torch.sigmoid(scores)
    return gate[:, 0, :, :, None] if last else gate


def channel_attention(w, x, *, config, training):
    """Channel attention of CBAM."""
    return x * _channel_gate(w, x, config)


def spatial_attention(w, x, *, config, training):
    """Spatial attention of CBAM."""
    return x * _spatial_gate(w, x, config)


def cbam(w, x, *, config, training):
    """CBAM with both gates computed from the input."""
    channel = _channel_gate(w, x, config, "channel/")
    spatial = _spatial_gate(w, x, config, "spatial/")
    return x * channel * spatial


def spatial_group_enhance(w, x, *, config, training):
    """Spatial group-wise enhance."""
    size, groups = x.shape, config["groups"]
    if config["data_format"] == "channels_last":
        x = x.view(size[0], size[1] * size[2], groups, -1)
        members, places = 3, 1
        gamma, beta = w["gamma"][:, None], w["beta"][:, None]
    else:
        x = x.view(size[0], groups, -1, size[2] * size[3])
        members, places = 2, 3
        gamma, beta = w["gamma"][:, None, None], w["beta"][:, None, None]
    mean = x.mean(places, keepdim=True)
    t = (x * mean).sum(members, keepdim=True)
    t = t - t.mean(places, keepdim=True)
    squares = t.square().sum(places, keepdim=True)
    variance = squares / max(t.shape[places] - 1, 1)
    t = t / (variance.clamp(1e-30).sqrt() + config["epsilon"])
    return (x * torch.sigmoid(gamma * t + beta)).view(size)
