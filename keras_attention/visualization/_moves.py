"""Where layers look: taps and pixels that are moved, on images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from keras_attention.visualization._parts import Part
from keras_attention.visualization._places import ORANGE
from keras_attention.visualization._rows import Row
from keras_attention.visualization._rows import heat
from keras_attention.visualization._scene import Scene


def tap_rows(
    part: Part, scene: Scene, points: Sequence[tuple[float, float]] | None
) -> list[Row]:
    """Return how far the taps of a kernel are moved, and where to."""
    offsets, mask = part.values["offsets"], part.values.get("mask")
    layer = part.layer
    kernel = getattr(layer, "kernel_size", None) or _square(offsets.shape[-1])
    taps = math.prod(kernel)
    groups = offsets.shape[-1] // (2 * taps)
    moves = offsets.reshape(*offsets.shape[:3], groups, taps, 2)
    lengths = np.sqrt((moves**2).sum(-1)).mean((-1, -2))
    places, sizes = [], []
    for axis in (0, 1):
        where, size = _regular(
            layer, kernel[axis], offsets.shape[1 + axis], axis
        )
        places.append(where)
        sizes.append(size)
    size = scene.size(tuple(sizes))
    steps = [image / n for image, n in zip(size, sizes, strict=True)]

    def draw(axis, sample):
        from matplotlib.patches import Rectangle

        scene.show(axis, sample, size)
        mappable = None
        for i, j in _positions(lengths[sample], points):
            down, across = np.meshgrid(
                places[0][i], places[1][j], indexing="ij"
            )
            regular = np.stack([down.ravel(), across.ravel()], -1)
            # Of the first group of channels, where there are several.
            moved = regular + moves[sample, i, j, 0]
            (y, x), (v, u) = (
                [(p[:, k] + 0.5) * steps[k] - 0.5 for k in (0, 1)]
                for p in (regular, moved)
            )
            axis.plot(np.c_[x, u].T, np.c_[y, v].T, color=ORANGE, linewidth=0.8)
            corner = (x[0] - steps[1] / 2, y[0] - steps[0] / 2)
            axis.add_patch(
                Rectangle(
                    corner,
                    x[-1] - x[0] + steps[1],
                    y[-1] - y[0] + steps[0],
                    facecolor="none",
                    edgecolor="white",
                    linewidth=1.4,
                    zorder=4,
                )
            )
            weights = np.ones(taps)
            if mask is not None:
                weights = mask[sample, i, j, :taps]
            mappable = axis.scatter(
                u,
                v,
                c=weights,
                cmap="viridis",
                vmin=0,
                vmax=1,
                s=26,
                edgecolors="white",
                linewidths=0.6,
                zorder=3,
            )
        axis.set_xlim(-0.5, size[1] - 0.5)
        axis.set_ylim(size[0] - 0.5, -0.5)
        return mappable if mask is not None else None

    where = "the most bent window" if points is None else "windows"
    what = f"{where} (white), and where its taps look"
    if groups > 1:
        what += f", group 0 of {groups}"
    return [
        heat(
            part.name,
            "how far taps are moved",
            lengths,
            scene,
            "pixels of its\nmap, mean",
        ),
        Row(
            part.name,
            what,
            draw,
            "mask: weight\nof a tap" if mask is not None else "",
        ),
    ]


def _square(channels: int) -> tuple[int, int]:
    side = math.isqrt(channels // 2)
    if 2 * side**2 != channels:
        raise ValueError(
            "`layer` must be given for offsets of a kernel that is not square, "
            f"or of several groups. Received: offsets of {channels} channels"
        )
    return side, side


def _regular(layer, kernel: int, count: int, axis: int):
    """Return where the taps of each window are, and the size of the map."""

    def of(name, default):
        return getattr(layer, name, (default, default))

    stride, dilation = of("strides", 1)[axis], of("dilation_rate", 1)[axis]
    padding = getattr(layer, "padding", "same")
    reach = (kernel - 1) * dilation
    if padding == "same":
        before, size = max(reach + 1 - stride, 0) // 2, count * stride
    else:
        before = 0 if padding == "valid" else padding[axis]
        size = (count - 1) * stride + reach + 1 - 2 * before
    starts = np.arange(count)[:, None] * stride - before
    return starts + np.arange(kernel) * dilation, size


def _positions(lengths, points):
    """Return the windows that are drawn: by default, the most bent one."""
    height, width = lengths.shape
    if points is None:
        return [np.unravel_index(lengths.argmax(), lengths.shape)]
    return [
        (min(int(y * height), height - 1), min(int(x * width), width - 1))
        for y, x in points
    ]


def shift_rows(part: Part, scene: Scene) -> list[Row]:
    """Return how far pixels are moved, and which way."""
    shifts = part.values.mean(-2)  # of channels
    height, width = shifts.shape[1:3]
    lengths = np.sqrt((part.values**2).sum(-1)).mean(-1)
    size = scene.size((height, width))
    step = max(1, math.ceil(max(height, width) / 12))
    y, x = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    arrows = shifts[:, y, x]
    longest = np.sqrt((arrows[scene.samples] ** 2).sum(-1)).max()
    scale = step / max(float(longest), 1e-6)

    def draw(axis, sample):
        scene.show(axis, sample, size)
        axis.quiver(
            (x + 0.5) * size[1] / width - 0.5,
            (y + 0.5) * size[0] / height - 0.5,
            arrows[sample, ..., 1] * scale * size[1] / width,
            arrows[sample, ..., 0] * scale * size[0] / height,
            color=ORANGE,
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.008,
        )

    return [
        heat(
            part.name,
            "how far pixels are moved",
            lengths,
            scene,
            "pixels of its\nmap, mean",
        ),
        Row(
            part.name,
            f"which way, mean of channels, {scale:.2g} times as far",
            draw,
        ),
    ]
