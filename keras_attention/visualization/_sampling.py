"""Plots of sampling locations: grids, glimpses and patches."""

from __future__ import annotations

import keras
import numpy as np

from keras_attention.ops import grid_sample
from keras_attention.visualization._heatmaps import RELATIVE
from keras_attention.visualization._heatmaps import Row
from keras_attention.visualization._heatmaps import heatmap_row
from keras_attention.visualization._heatmaps import relative_to_max
from keras_attention.visualization._plot_context import PlotContext
from keras_attention.visualization._records import AttentionRecord

# Colors of Okabe and Ito, for color-blind readers.
ORANGE, BLUE = "#E69F00", "#56B4E9"
MAX_LINES = 6  # of a grid, along each axis


def grid_rows(record: AttentionRecord, context: PlotContext) -> list[Row]:
    """Return rows of a sampling grid, and of the images that it samples."""
    align_corners = getattr(record.layer, "align_corners", True)
    size = context.size()
    x, y = (
        _pixels(record.values[..., axis], size[1 - axis], align_corners)
        for axis in (0, 1)
    )
    rows, columns = (
        np.unique(np.linspace(0, n - 1, min(n, MAX_LINES)).round().astype(int))
        for n in x.shape[1:]
    )
    # Show the grid outside the images, up to the size of an image away.
    plotted = context.samples
    limits = [
        (max(v[plotted].min(), -n) - 0.5, min(v[plotted].max(), 2 * n) + 0.5)
        for v, n in ((x, size[1]), (y, size[0]))
    ]

    def plot(axis, sample):
        context.plot_image(axis, sample, size)
        grid_x, grid_y = x[sample], y[sample]
        style = {"color": ORANGE, "linewidth": 0.7}
        axis.plot(grid_x[rows].T, grid_y[rows].T, **style)
        axis.plot(grid_x[:, columns], grid_y[:, columns], **style)
        edge = [
            np.r_[v[0], v[1:, -1], v[-1, -2::-1], v[-2::-1, 0]]
            for v in (grid_x, grid_y)
        ]
        axis.plot(*edge, color=ORANGE, linewidth=1.8)
        axis.plot(grid_x[0, 0], grid_y[0, 0], "o", color=BLUE, markersize=5)
        (left, right), (top, bottom) = limits
        axis.set_xlim(min(left, -0.5), max(right, size[1] - 0.5))
        axis.set_ylim(max(bottom, size[0] - 0.5), min(top, -0.5))

    content = "sampling grid, with a dot at its upper left"
    found = [Row(record.name, content, plot)]
    if context.images is not None:
        found.append(_sampled_images_row(record, context, align_corners))
    return found


def _pixels(locations, size: int, align_corners: bool):
    """Return pixel coordinates of normalized locations, from -1 to 1."""
    if align_corners:
        return (locations + 1) / 2 * (size - 1)
    return ((locations + 1) * size - 1) / 2


def _sampled_images_row(record, context, align_corners):
    images = np.asarray(context.images[context.samples], "float32")
    sampled = keras.ops.convert_to_numpy(
        grid_sample(
            images,
            np.asarray(record.values[context.samples], "float32"),
            padding_mode=getattr(record.layer, "padding_mode", "zeros"),
            align_corners=align_corners,
            data_format="channels_last",
        )
    ).clip(0, 1)
    image_of = dict(zip(context.samples, sampled, strict=True))

    def plot(axis, sample):
        image = image_of[sample]
        is_gray = image.shape[-1] == 1
        axis.imshow(
            image[..., 0] if is_gray else image, cmap="gray", vmin=0, vmax=1
        )

    return Row(record.name, "sampled image", plot)


def glimpse_rows(record: AttentionRecord, context: PlotContext) -> list[Row]:
    """Return the row of the locations of glimpses, in order."""
    height, width = size = context.size()
    # The pixels at the centers of the glimpses.
    sizes = np.array([width, height])
    path = np.floor((record.values + 1) / 2 * sizes).clip(0, sizes - 1)
    side = getattr(record.layer, "glimpse_size", None)

    def plot(axis, sample):
        from matplotlib import colormaps
        from matplotlib.patches import Rectangle

        context.plot_image(axis, sample, size)
        axis.plot(*path[sample].T, color="white", linewidth=2.2)
        axis.plot(*path[sample].T, color=BLUE, linewidth=1.2)
        shades = colormaps["plasma"](np.linspace(0, 0.85, len(path[sample])))
        for i, (location, shade) in enumerate(
            zip(path[sample], shades, strict=True)
        ):
            if side and context.images is not None:
                corner = location - side // 2 - 0.5
                axis.add_patch(
                    Rectangle(corner, side, side, fill=False, edgecolor=shade)
                )
            axis.text(
                *location,
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

    return [Row(record.name, "glimpses, in the order of their numbers", plot)]


def patch_rows(record: AttentionRecord, context: PlotContext) -> list[Row]:
    """Return rows of a saliency map, and of the selected patches."""
    saliency, positions = record.values["saliency"], record.values["positions"]
    layer = record.layer
    size = context.size(saliency.shape[1:])
    if context.images is None or not hasattr(layer, "patch_stride"):
        # Without the sizes of a layer, the positions divide the image into
        # equal patches.
        stride = np.array(size) / saliency.shape[1:]
        patch, offset = stride, np.zeros(2)
    else:
        stride, patch, offset = map(
            np.array,
            (layer.patch_stride, layer.patch_size, layer.patch_offset),
        )
    first = offset + (patch - stride) / 2 - 0.5
    last = first + stride * saliency.shape[1:]

    def plot(axis, sample):
        from matplotlib.patches import Rectangle

        context.plot_image(axis, sample, size)
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
        heatmap_row(
            record.name,
            "saliency",
            relative_to_max(saliency),
            context,
            RELATIVE,
            (0, 1),
            extent=(first[1], last[1], last[0], first[0]),
        ),
        Row(record.name, f"the {positions.shape[1]} refined patches", plot),
    ]
