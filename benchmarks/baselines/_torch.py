"""Helpers of the baselines in PyTorch."""


def expand_gate(gate, config):
    """Reshape vectors, one per sample, to broadcast with a map."""
    if config["data_format"] == "channels_last":
        return gate[:, None, None, :]
    return gate[:, :, None, None]


def point(w, name, x):
    """Call a dense layer at each position of channels-first maps."""
    import torch

    kernel = w[f"{name}/kernel"][:, :, None, None]
    return torch.nn.functional.conv2d(x, kernel, w[f"{name}/bias"])


def norm(w, name, x, training):
    """Normalize a batch, and update the statistics in place."""
    import torch

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
