"""Where layers look: grids, taps, shifts, glimpses and patches on images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np

from keras_attention.ops import grid_sample
from keras_attention.visualization._parts import Part
from keras_attention.visualization._rows import SHARE
from keras_attention.visualization._rows import Row
from keras_attention.visualization._rows import heat
from keras_attention.visualization._rows import shares
from keras_attention.visualization._scene import Scene

ORANGE, BLUE = "#E69F00", "#56B4E9"  # of Okabe and Ito, for all eyes
LINES = 6  # of a grid, along each axis, at most


def grid_rows(part: Part, scene: Scene) -> list[Row]:
    """Return where a spatial transformer reads, and what."""
    corners = getattr(part.layer, "align_corners", True)
    size = scene.size()
    x, y = (
        _pixels(part.values[..., axis], size[1 - axis], corners)
        for axis in (0, 1)
    )
    rows, columns = (
        np.unique(np.linspace(0, n - 1, min(n, LINES)).round().astype(int))
        for n in x.shape[1:]
    )
    # As much around the images as is needed, but not more than their size.
    shown = scene.samples
    reach = [
        (max(v[shown].min(), -n) - 0.5, min(v[shown].max(), 2 * n) + 0.5)
        for v, n in ((x, size[1]), (y, size[0]))
    ]

    def draw(axis, sample):
        scene.show(axis, sample, size)
        across, down = x[sample], y[sample]
        style = {"color": ORANGE, "linewidth": 0.7}
        axis.plot(across[rows].T, down[rows].T, **style)
        axis.plot(across[:, columns], down[:, columns], **style)
        edge = [
            np.r_[v[0], v[1:, -1], v[-1, -2::-1], v[-2::-1, 0]]
            for v in (across, down)
        ]
        axis.plot(*edge, color=ORANGE, linewidth=1.8)
        axis.plot(across[0, 0], down[0, 0], "o", color=BLUE, markersize=5)
        (left, right), (top, bottom) = reach
        axis.set_xlim(min(left, -0.5), max(right, size[1] - 0.5))
        axis.set_ylim(max(bottom, size[0] - 0.5), min(top, -0.5))

    what = "sampling grid, a dot at its upper left"
    found = [Row(part.name, what, draw)]
    if scene.images is not None:
        found.append(_read_row(part, scene, corners))
    return found


def _pixels(places, size: int, corners: bool):
    """Return places from -1 to 1 in pixels."""
    if corners:
        return (places + 1) / 2 * (size - 1)
    return ((places + 1) * size - 1) / 2


def _read_row(part, scene, corners):
    images = np.asarray(scene.images[scene.samples], "float32")
    read = keras.ops.convert_to_numpy(
        grid_sample(
            images,
            np.asarray(part.values[scene.samples], "float32"),
            padding_mode=getattr(part.layer, "padding_mode", "zeros"),
            align_corners=corners,
            data_format="channels_last",
        )
    ).clip(0, 1)
    seen = dict(zip(scene.samples, read, strict=True))

    def draw(axis, sample):
        image = seen[sample]
        grey = image.shape[-1] == 1
        axis.imshow(
            image[..., 0] if grey else image, cmap="gray", vmin=0, vmax=1
        )

    return Row(part.name, "what is read there", draw)


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


def glimpse_rows(part: Part, scene: Scene) -> list[Row]:
    """Return the way of the glimpses."""
    height, width = size = scene.size()
    # The pixel that the squares of a place are around.
    sizes = np.array([width, height])
    way = np.floor((part.values + 1) / 2 * sizes).clip(0, sizes - 1)
    side = getattr(part.layer, "glimpse_size", None)

    def draw(axis, sample):
        from matplotlib import colormaps
        from matplotlib.patches import Rectangle

        scene.show(axis, sample, size)
        axis.plot(*way[sample].T, color="white", linewidth=2.2)
        axis.plot(*way[sample].T, color=BLUE, linewidth=1.2)
        shades = colormaps["plasma"](np.linspace(0, 0.85, len(way[sample])))
        for i, (place, shade) in enumerate(
            zip(way[sample], shades, strict=True)
        ):
            if side and scene.images is not None:
                corner = place - side // 2 - 0.5
                axis.add_patch(
                    Rectangle(corner, side, side, fill=False, edgecolor=shade)
                )
            axis.text(
                *place,
                str(i + 1),
                color="white",
                fontsize=7,
                ha="center",
                va="center",
                bbox={
                    "boxstyle": "circle,pad=0.15",
                    "facecolor": shade,
                    "edgecolor": "white",
                    "linewidth": 0.5,
                },
                clip_on=True,
            )

    return [Row(part.name, "glimpses, in the order of their numbers", draw)]


def patch_rows(part: Part, scene: Scene) -> list[Row]:
    """Return the saliency of a map, and the patches that were refined."""
    saliency, positions = part.values["saliency"], part.values["positions"]
    layer = part.layer
    size = scene.size(saliency.shape[1:])
    if layer is None or scene.images is None:
        # A position is its share of the whole.
        stride = np.array(size) / saliency.shape[1:]
        patch, offset = stride, np.zeros(2)
    else:
        stride, patch, offset = map(
            np.array,
            (layer.patch_stride, layer.patch_size, layer.patch_offset),
        )
    first = offset + (patch - stride) / 2 - 0.5
    last = first + stride * saliency.shape[1:]

    def draw(axis, sample):
        from matplotlib.patches import Rectangle

        scene.show(axis, sample, size)
        for row, column in positions[sample] * stride + offset - 0.5:
            axis.add_patch(
                Rectangle(
                    (column, row),
                    patch[1],
                    patch[0],
                    facecolor="none",
                    edgecolor=ORANGE,
                    linewidth=1.2,
                )
            )

    return [
        heat(
            part.name,
            "saliency",
            shares(saliency),
            scene,
            SHARE,
            (0, 1),
            extent=(first[1], last[1], last[0], first[0]),
        ),
        Row(part.name, f"the {positions.shape[1]} refined patches", draw),
    ]
