"""Plot of `deformable.py`: where a convolution samples the image."""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

DIGITS = 3  # of each size


def plot(
    path: Path, model: keras.Model, images: Mapping[str, np.ndarray]
) -> None:
    """Save a plot of the taps of the last convolution, at the digit's center.

    Args:
        path: The PNG file to write.
        model: A network whose layer `"last2"` is a deformable convolution of
            size 3, with a mask.
        images: For each size, `DIGITS` images with a digit in the center.
    """
    layer = model.get_layer("last2")
    below = keras.Model(model.input, layer.input)
    figure = Figure(figsize=(10, 1.7), dpi=100, layout="constrained")
    figure.suptitle(
        "Where a deformable convolution samples, at the center of digits of "
        "three sizes"
    )
    parts = figure.subfigures(1, len(images))
    for part, (size, shown) in zip(parts, images.items(), strict=True):
        part.suptitle(f"{size} digits", fontsize=10)
        axes = part.subplots(1, DIGITS)
        attention = keras.tree.map_structure(
            keras.ops.convert_to_numpy,
            layer.attention(below.predict(shown, verbose=0)),
        )
        middle = attention["offsets"].shape[1] // 2
        stride = shown.shape[1] / attention["offsets"].shape[1]
        taps = np.mgrid[-1:2, -1:2].reshape(2, -1).T
        for axis, image, offsets, mask in zip(
            axes,
            shown,
            attention["offsets"],
            attention["mask"],
            strict=True,
        ):
            y, x = middle + taps.T + offsets[middle, middle].reshape(-1, 2).T
            axis.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
            # The center of a position of the map, in pixels.
            axis.scatter(
                stride * (x + 0.5) - 0.5,
                stride * (y + 0.5) - 0.5,
                s=80 * mask[middle, middle],
                c="tab:red",
                alpha=0.7,
            )
            axis.set(
                xticks=[],
                yticks=[],
                xlim=(-0.5, image.shape[1] - 0.5),
                ylim=(image.shape[0] - 0.5, -0.5),
            )
    figure.savefig(path)
