"""Reference implementations of deformable convolution and resampling."""

import numpy as np

from references.maths import ACTIVATIONS
from references.maths import dense
from references.maths import gelu
from references.maths import layer_norm
from references.maths import sigmoid
from references.maths import softmax


def deformable_conv2d(layer, weights, x):
    kernel = weights["kernel"]
    frame = window_frame(x.shape[1:3], kernel.shape[:2], layer)
    maps = convolution(x, weights["offset_kernel"], layer, frame)
    maps = maps + weights["offset_bias"]
    taps = layer.offset_groups * kernel.shape[0] * kernel.shape[1]
    offsets = maps[..., : 2 * taps]
    if layer.max_offset is not None:
        limit = layer.max_offset * max(x.shape[1:3])
        offsets = np.clip(offsets, -limit, limit)
    attention = {"offsets": offsets}
    if layer.modulated:
        attention["mask"] = sigmoid(maps[..., 2 * taps :])
    y = convolution(x, kernel, layer, frame, **attention)
    y = y + weights.get("bias", 0)
    return ACTIVATIONS[layer.activation.__name__](y), attention


def window_frame(size, kernel_size, layer):
    """Return, by axis, the first tap of each window of a convolution."""
    firsts = []
    for axis in (0, 1):
        step = layer.strides[axis]
        extent = (kernel_size[axis] - 1) * layer.dilation_rate[axis] + 1
        if layer.padding == "same":
            count = -(-size[axis] // step)
            before = max((count - 1) * step + extent - size[axis], 0) // 2
        else:
            before = 0 if layer.padding == "valid" else layer.padding[axis]
            count = (size[axis] + 2 * before - extent) // step + 1
        firsts.append(np.arange(count) * step - before)
    return firsts


def convolution(x, kernel, layer, frame, offsets=None, mask=None):
    """Convolve tap by tap, at offset locations if there are offsets."""
    kernel_height, kernel_width, channels_per_group, filters = kernel.shape
    channels = x.shape[-1]
    groups = channels // channels_per_group
    rows, columns = np.meshgrid(*frame, indexing="ij")
    shape = (len(x), *rows.shape)
    parts = layer.offset_groups if offsets is not None else 1
    y = np.zeros((*shape, filters))
    for i in range(kernel_height):
        for j in range(kernel_width):
            read = []
            for part in range(parts):
                tap = (part * kernel_height + i) * kernel_width + j
                dy = dx = np.zeros(shape)
                if offsets is not None:
                    dy, dx = offsets[..., 2 * tap], offsets[..., 2 * tap + 1]
                width = channels // parts
                value = hat(
                    x[..., part * width : (part + 1) * width],
                    rows + i * layer.dilation_rate[0] + dy,
                    columns + j * layer.dilation_rate[1] + dx,
                )
                if mask is not None:
                    value = value * mask[..., tap, np.newaxis]
                read.append(value)
            read = np.concatenate(read, axis=-1)
            for g in range(groups):
                out = slice(g * filters // groups, (g + 1) * filters // groups)
                part = read[
                    ..., g * channels_per_group : (g + 1) * channels_per_group
                ]
                y[..., out] += part @ kernel[i, j, :, out]
    return y


def hat(x, rows, columns):
    """Sample a map bilinearly at positions in pixels, zero outside."""
    by_row = np.abs(rows[..., np.newaxis] - np.arange(x.shape[1]))
    by_column = np.abs(columns[..., np.newaxis] - np.arange(x.shape[2]))
    return np.einsum(
        "bijh,bijw,bhwc->bijc",
        np.maximum(1 - by_row, 0),
        np.maximum(1 - by_column, 0),
        x,
        optimize=True,
    )


def deformable_conv2dv3(layer, weights, x):
    u = at_centers(
        x, layer, weights["depthwise/kernel"], weights["depthwise/bias"]
    )
    u = weights["norm_gamma"] * layer_norm(u, 1e-6) + weights["norm_beta"]
    u = gelu(u)
    offsets = u @ weights["offset_kernel"] + weights["offset_bias"]
    logits = u @ weights["mask_kernel"] + weights["mask_bias"]
    by_group = logits.reshape(*logits.shape[:3], layer.groups, -1)
    mask = softmax(by_group, 4).reshape(logits.shape)
    value = dense(weights, "value", x)
    z = group_sums(layer, value, offsets, mask)
    if layer.center_feature_scale:
        z = blended(layer, weights, z, value, u)
    return dense(weights, "project", z), {"offsets": offsets, "mask": mask}


def deformable_conv2dv4(layer, weights, x):
    u = at_centers(x, layer)
    if layer.depthwise_kernel_size:
        u = at_centers(
            x, layer, weights["depthwise/kernel"], weights["depthwise/bias"]
        )
    columns = u @ weights["offset_mask_kernel"] + weights["offset_mask_bias"]
    height, width = layer.kernel_size
    points = height * width - layer.remove_center
    blocks = [
        columns[..., 3 * points * g : 3 * points * (g + 1)]
        for g in range(layer.groups)
    ]
    offsets = np.concatenate([b[..., : 2 * points] for b in blocks], axis=-1)
    mask = np.concatenate([b[..., 2 * points :] for b in blocks], axis=-1)
    value = dense(weights, "value", x) if layer.pointwise else x
    z = group_sums(layer, value, offsets, mask)
    if layer.center_feature_scale:
        z = blended(layer, weights, z, value, z)
    y = dense(weights, "project", z) if layer.pointwise else z
    return y, {"offsets": offsets, "mask": mask}


def centers(size, layer):
    """Return the rows and columns of the centers of all windows."""
    lines = []
    for axis in (0, 1):
        extent = (layer.kernel_size[axis] - 1) * layer.dilation_rate[axis]
        zeros = layer.padding
        if isinstance(zeros, str):
            zeros = {"same": extent // 2, "valid": 0}[zeros]
        else:
            zeros = zeros[axis]
        step = layer.strides[axis]
        count = (size[axis] + 2 * zeros - extent - 1) // step + 1
        lines.append(np.arange(count) * step - zeros + extent // 2)
    return np.meshgrid(*lines, indexing="ij")


def at_centers(x, layer, kernel=None, bias=0):
    """Convolve each channel, at the centers of the windows."""
    rows, columns = centers(x.shape[1:3], layer)
    if kernel is None:
        shape = (len(x), *rows.shape)
        return hat(x, *(np.broadcast_to(n, shape) for n in (rows, columns)))
    y = 0
    for i, j in np.ndindex(kernel.shape[:2]):
        step = i - kernel.shape[0] // 2, j - kernel.shape[1] // 2
        shape = (len(x), *rows.shape)
        read = hat(
            x,
            np.broadcast_to(rows + step[0], shape),
            np.broadcast_to(columns + step[1], shape),
        )
        y = y + read * kernel[i, j, 0]
    return y + bias


def group_sums(layer, value, offsets, mask):
    rows, columns = centers(value.shape[1:3], layer)
    height, width = layer.kernel_size
    # Column by column.
    points = [
        ((j - height // 2), (i - width // 2))
        for i in range(width)
        for j in range(height)
    ]
    if layer.remove_center:
        points.remove((0, 0))
    parts = np.split(value, layer.groups, axis=-1)
    sums = [np.zeros((*mask.shape[:3], part.shape[-1])) for part in parts]
    for g, part in enumerate(parts):
        for k, (row, column) in enumerate(points):
            n = g * len(points) + k
            read = hat(
                part,
                rows
                + layer.offset_scale
                * (layer.dilation_rate[0] * row + offsets[..., 2 * n + 1]),
                columns
                + layer.offset_scale
                * (layer.dilation_rate[1] * column + offsets[..., 2 * n]),
            )
            sums[g] += mask[..., n, None] * read
    return np.concatenate(sums, axis=-1)


def blended(layer, weights, z, value, features):
    share = sigmoid(
        features @ weights["center_scale_kernel"] + weights["center_scale_bias"]
    )
    share = np.repeat(share, z.shape[-1] // layer.groups, axis=-1)
    return (1 - share) * z + share * at_centers(value, layer)


def conv_offset2d(layer, weights, x):
    kernel = weights["offset/kernel"]
    batch, height, width, channels = x.shape
    side = len(kernel)
    padded = np.pad(x, ((0, 0), *[((side - 1) // 2, side // 2)] * 2, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, (side, side), axis=(1, 2)
    )
    maps = np.einsum("bhwcij,ijco->bohw", windows, kernel, optimize=True)
    offsets = np.empty((*x.shape, 2))
    for c in range(channels):
        if layer.offset_layout == "paired":
            offsets[..., c, 0] = maps[:, 2 * c]
            offsets[..., c, 1] = maps[:, 2 * c + 1]
        else:
            block = maps[:, 2 * c : 2 * c + 2].reshape(batch, -1)
            offsets[..., c, :] = block.reshape(batch, height, width, 2)
    return clamped(x, offsets), offsets


def clamped(x, offsets):
    """Sample a map at its pixels plus offsets, clamped to the border."""
    _, height, width, channels = x.shape
    i, j = np.arange(height)[:, np.newaxis], np.arange(width)
    y = [
        hat(
            x[..., c : c + 1],
            np.clip(i + offsets[..., c, 0], 0, height - 1),
            np.clip(j + offsets[..., c, 1], 0, width - 1),
        )
        for c in range(channels)
    ]
    return np.concatenate(y, axis=-1)


REFERENCES = {
    "ConvOffset2D": conv_offset2d,
    "DeformableConv2D": deformable_conv2d,
    "DeformableConv2DV3": deformable_conv2dv3,
    "DeformableConv2DV4": deformable_conv2dv4,
}
