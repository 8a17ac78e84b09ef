"""Fusion layers and residual attention in PyTorch."""

import torch
from torch.nn import functional


def selective_kernel(w, x, *, config, training):
    """Selective kernel convolution."""
    last = config["data_format"] == "channels_last"
    x = x.permute(0, 3, 1, 2) if last else x
    maps = []
    for path in ("path_0", "path_1"):
        spread = 1 + len(maps)
        u = functional.conv2d(
            x,
            w[f"{path}/conv/kernel"],
            w[f"{path}/bias"],
            padding=spread,
            dilation=spread,
            groups=config["groups"],
        )
        maps.append(torch.relu_(_norm(w, f"{path}/norm", u, training)))
    z = functional.linear(
        (maps[0] + maps[1]).mean((2, 3)),
        w["squeeze/kernel"],
        w["squeeze/bias"],
    )
    z = torch.relu_(_norm(w, "squeeze_norm", z, training))
    z = functional.linear(z, w["select/kernel"], w["select/bias"])
    gates = z.view(len(z), 2, -1, 1, 1).softmax(1)
    y = maps[0] * gates[:, 0] + maps[1] * gates[:, 1]
    return y.permute(0, 2, 3, 1) if last else y


def multi_scale_channel_attention(w, x, *, config, training):
    """Multi-scale channel attention."""
    return x * _weights(w, "", x, config, training)


def attentional_feature_fusion(w, x, residual, *, config, training):
    """Attentional feature fusion."""
    weights = _weights(w, "", x + residual, config, training)
    return 2 * torch.lerp(residual, x, weights)


def iterative_attentional_feature_fusion(w, x, residual, *, config, training):
    """Iterative attentional feature fusion."""
    weights = _weights(w, "", x + residual, config, training)
    fused = torch.lerp(residual, x, weights)
    weights = _weights(w, "second_", fused, config, training)
    return torch.lerp(residual, x, weights)


def _weights(w, prefix, x, config, training):
    last = config["data_format"] == "channels_last"
    x = x.permute(0, 3, 1, 2) if last else x
    narrow = _context(w, f"{prefix}local_context", x, training)
    wide = x.mean((2, 3), keepdim=True)
    wide = _context(w, f"{prefix}global_context", wide, training)
    weights = torch.sigmoid(narrow + wide)
    return weights.permute(0, 2, 3, 1) if last else weights


def _context(w, name, x, training):
    z = _point(w, f"{name}/reduce", x)
    z = torch.relu_(_norm(w, f"{name}/reduce_norm", z, training))
    z = _point(w, f"{name}/expand", z)
    return _norm(w, f"{name}/expand_norm", z, training)


def _point(w, name, x):
    kernel = w[f"{name}/kernel"][:, :, None, None]
    return functional.conv2d(x, kernel, w[f"{name}/bias"])


def _norm(w, name, x, training):
    # Not `functional.batch_norm`, which raises an error for a single vector.
    return torch.batch_norm(
        x,
        w[f"{name}/gamma"],
        w[f"{name}/beta"],
        w[f"{name}/moving_mean"],
        w[f"{name}/moving_variance"],
        training,
        0.1,
        1e-5,
        False,
    )


def residual_attention(w, x, *, config, training):
    """Residual attention module."""
    last = config["data_format"] == "channels_last"
    x = x.permute(0, 3, 1, 2) if last else x
    x = _unit(w, "before_1", x, training)
    trunk = _unit(w, "trunk_1", x, training)
    trunk = _unit(w, "trunk_2", trunk, training)
    mask = _hourglass(w, "hourglass", x, config["depth"], training)
    mask = torch.sigmoid(_convs(w, "head", mask, 2, training))
    y = _unit(w, "after_1", trunk * (1 + mask), training)
    return y.permute(0, 2, 3, 1) if last else y


def _hourglass(w, name, x, depth, training):
    # As TensorFlow, pad an even size at its end.
    ends = [1 - size % 2 for size in x.shape[:1:-1]]
    z = functional.pad(x, (0, ends[0], 0, ends[1]), value=-torch.inf)
    z = functional.max_pool2d(z, 3, 2, (1 - ends[1], 1 - ends[0]))
    z = _unit(w, f"{name}/down_1", z, training)
    if depth > 1:
        skip = _unit(w, f"{name}/skip", z, training)
        z = skip + _hourglass(w, f"{name}/inner", z, depth - 1, training)
    z = _unit(w, f"{name}/up_1", z, training)
    return functional.interpolate(z, x.shape[2:], mode="bilinear")


def _unit(w, name, x, training):
    return x + _convs(w, name, x, 3, training)


def _convs(w, name, x, count, training):
    for i in range(1, count + 1):
        x = torch.relu_(_norm(w, f"{name}/norm_{i}", x, training))
        kernel = w[f"{name}/conv_{i}/kernel"]
        x = functional.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
    return x
