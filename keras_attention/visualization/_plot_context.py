"""The images and samples of a plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

BACKGROUND = "0.9"  # the gray level of axes without an image


class PlotContext:
    """Images and titles of the samples in a plot.

    Attributes:
        images: `(samples, height, width, 1 or 3)` in [0, 1], or `None`.
        samples: The indices of the samples that are plotted.
        titles: The titles of these samples.
    """

    def __init__(
        self,
        images: np.ndarray | None,
        samples: Sequence[int],
        titles: Sequence[str],
    ) -> None:
        self.images = images
        self.samples = samples
        self.titles = titles

    def size(self, default: tuple[int, int] = (64, 64)) -> tuple[int, int]:
        """Return height and width of the images, or a default without them."""
        return default if self.images is None else self.images.shape[1:3]

    def plot_image(
        self,
        axis: Any,
        sample: int,
        size: tuple[int, int],
        *,
        colors: bool = False,
    ) -> None:
        """Plot the image of a sample, in gray or in its colors."""
        height, width = size
        axis.set_facecolor(BACKGROUND)
        axis.set_xlim(-0.5, width - 0.5)
        axis.set_ylim(height - 0.5, -0.5)
        axis.set_aspect("equal")
        if self.images is not None:
            image = self.images[sample]
            if not colors:
                # Less contrast makes what is plotted over the image visible.
                image = 0.15 + 0.7 * image.mean(-1, keepdims=True)
            is_gray = image.shape[-1] == 1
            axis.imshow(
                image[..., 0] if is_gray else image,
                cmap="gray" if is_gray else None,
                vmin=0,
                vmax=1,
                interpolation="nearest",
            )


def normalized_images(images: Any, data_format: str) -> np.ndarray:
    """Return images in [0, 1] with one or three channels, which are last."""
    images = np.asarray(images)
    if images.ndim == 4 and data_format == "channels_first":
        images = np.moveaxis(images, 1, -1)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or not images.size:
        raise ValueError(
            "`images` must be of rank 4, or 3 without channels. "
            f"Received: images=array of shape {images.shape}"
        )
    images = images.astype("float32")
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 255:
        images = (images - low) / (high - low)
    elif high > 1:
        images = images / 255
    if images.shape[-1] not in (1, 3):
        images = images.mean(-1, keepdims=True)
    return images
