"""Layers that sample maps, in PyTorch."""

import torch
from torch.nn import functional


def spatial_transformer(w, x, *, config, training):
    """Spatial transformer with global average pooling as the localization."""
    first = config["data_format"] == "channels_first"
    z = x.mean((2, 3) if first else (1, 2))
    theta = functional.linear(z, w["kernel"], w["bias"]).view(-1, 2, 3)
    x = x if first else x.permute(0, 3, 1, 2)
    grid = functional.affine_grid(theta, x.shape, align_corners=True)
    y = functional.grid_sample(x, grid, align_corners=True)
    return y if first else y.permute(0, 2, 3, 1)


def deformable_conv2d(w, x, *, config, training):
    """Deformable convolution: one `grid_sample` for all taps, one product."""
    first = config["data_format"] == "channels_first"
    x = x if first else x.permute(0, 3, 1, 2)
    batch, channels, height, width = x.shape
    taps = side = 3
    taps *= side
    maps = functional.conv2d(
        x, w["offset_kernel"], w["offset_bias"], padding=side // 2
    ).permute(0, 2, 3, 1)
    offsets, logits = maps.split((2 * taps, taps), -1)
    offsets = offsets.view(batch, height, width, taps, 2)
    near = torch.arange(side, device=x.device) - side // 2
    i, j = torch.meshgrid(near, near, indexing="ij")
    y = torch.arange(height, device=x.device)[:, None, None] + i.ravel()
    x_ = torch.arange(width, device=x.device)[:, None] + j.ravel()
    grid = torch.stack(
        [
            (2 * (offsets[..., 1] + x_) + 1) / width - 1,
            (2 * (offsets[..., 0] + y) + 1) / height - 1,
        ],
        -1,
    )
    samples = functional.grid_sample(
        x, grid.view(batch, height, width * taps, 2), align_corners=False
    )
    mask = torch.sigmoid(logits).reshape(batch, 1, height, width * taps)
    samples = (samples * mask).view(batch, channels, height, width, taps)
    samples = samples.permute(0, 2, 3, 4, 1).reshape(-1, taps * channels)
    kernel = w["kernel"].permute(2, 3, 1, 0).reshape(taps * channels, -1)
    y = torch.addmm(w["bias"], samples, kernel)
    y = y.view(batch, height, width, -1)
    return y.permute(0, 3, 1, 2) if first else y


def conv_offset2d(w, x, *, config, training):
    """Resampling by a `gather` for each channel."""
    first = config["data_format"] == "channels_first"
    maps = x if first else x.permute(0, 3, 1, 2)
    _, channels, height, width = maps.shape
    offsets = functional.conv2d(maps, w["offset/kernel"], padding="same")
    pairs = offsets.unflatten(1, (channels, 2))
    if first:
        dy, dx = pairs.unbind(2)
        flat = x.flatten(2)
        y = torch.arange(height, device=x.device)[:, None]
        x_ = torch.arange(width, device=x.device)
    else:
        dy, dx = pairs.permute(0, 3, 4, 1, 2).unbind(-1)
        flat = x.flatten(1, 2)
        y = torch.arange(height, device=x.device)[:, None, None]
        x_ = torch.arange(width, device=x.device)[:, None]
    axis = 2 if first else 1
    y, x_ = (y + dy).clamp(0, height - 1), (x_ + dx).clamp(0, width - 1)
    top, left = y.detach().floor(), x_.detach().floor()
    t, s = y - top, x_ - left
    top, left = top.long(), left.long()
    right = (left + 1).clamp(max=width - 1)
    bottom = (top + 1).clamp(max=height - 1)

    def read(row, column):
        index = (row * width + column).view(flat.shape)
        return flat.gather(axis, index).view(x.shape)

    above = torch.lerp(read(top, left), read(top, right), s)
    below = torch.lerp(read(bottom, left), read(bottom, right), s)
    return torch.lerp(above, below, t)


def glimpse_sensor(w, images, locations, *, config, training):
    """Glimpse sensor by indexing, with average pooling of larger squares."""
    first = config["data_format"] == "channels_first"
    maps = images.permute(0, 2, 3, 1) if first else images
    batch, height, width, _ = maps.shape
    size = config["glimpse_size"]
    sample = torch.arange(batch, device=maps.device)[:, None, None]
    glimpses = []
    for scale in range(config["num_scales"]):
        factor = config["scale_factor"] ** scale
        side = factor * size
        steps = torch.arange(side, device=maps.device) - side // 2
        x, y = ((locations.float() + 1) / 2).unbind(1)
        rows = (y * height).floor().long()[:, None] + steps
        columns = (x * width).floor().long()[:, None] + steps
        inside = ((rows >= 0) & (rows < height))[:, :, None] & (
            (columns >= 0) & (columns < width)
        )[:, None]
        square = maps[
            sample,
            rows.clamp(0, height - 1)[:, :, None],
            columns.clamp(0, width - 1)[:, None],
        ]
        square = (square * inside[..., None]).permute(0, 3, 1, 2)
        if factor > 1:
            square = functional.avg_pool2d(square, factor)
        glimpses.append(square if first else square.permute(0, 2, 3, 1))
    return torch.stack(glimpses, 1)


def glimpse_network(w, images, locations, *, config, training):
    """Glimpse network."""
    glimpses = glimpse_sensor(
        w, images, locations, config=config, training=training
    )
    if config["data_format"] == "channels_first":
        glimpses = glimpses.movedim(2, -1)

    def dense(name, x):
        return functional.linear(x, w[f"{name}/kernel"], w[f"{name}/bias"])

    what = torch.relu(dense("glimpse_hidden", glimpses.flatten(1)))
    where = torch.relu(dense("location_hidden", locations))
    return torch.relu(dense("glimpse_out", what) + dense("location_out", where))


def _grid_sample(maps, grid):
    """Sampler of PyTorch."""
    return functional.grid_sample(
        maps.permute(0, 3, 1, 2), grid, align_corners=True
    ).permute(0, 2, 3, 1)


SAMPLERS = {"torch.nn.functional.grid_sample": _grid_sample}
