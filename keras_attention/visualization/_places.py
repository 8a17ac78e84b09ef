"""Where layers look: grids, glimpses and patches on images."""

from __future__ import annotations

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
