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


def group_sums(value, offsets, mask, groups, kernel):
    """Weighted sums of samples of NHWC maps, at moved points of windows."""
    import torch

    batch, height, width, channels = value.shape
    points = kernel * kernel
    maps = value.permute(0, 3, 1, 2).reshape(batch * groups, -1, height, width)
    offsets = offsets.view(batch, height, width, groups, points, 2)
    near = torch.arange(kernel, device=value.device) - kernel // 2
    i, j = torch.meshgrid(near, near, indexing="ij")
    rows = torch.arange(height, device=value.device)[:, None, None, None]
    columns = torch.arange(width, device=value.device)[:, None, None]
    grid = torch.stack(
        [
            (2 * (offsets[..., 0] + columns + i.ravel()) + 1) / width - 1,
            (2 * (offsets[..., 1] + rows + j.ravel()) + 1) / height - 1,
        ],
        -1,
    )
    grid = grid.permute(0, 3, 1, 2, 4, 5)
    samples = torch.nn.functional.grid_sample(
        maps,
        grid.reshape(batch * groups, height, width * points, 2),
        align_corners=False,
    ).view(batch * groups, -1, height, width, points)
    weights = mask.view(batch, height, width, groups, points)
    weights = weights.permute(0, 3, 1, 2, 4)
    weights = weights.reshape(batch * groups, 1, height, width, points)
    sums = (samples * weights).sum(-1)
    return sums.view(batch, channels, height, width).permute(0, 2, 3, 1)
