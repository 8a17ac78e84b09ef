"""The images that attention is drawn over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

GREY = "0.9"  # what is behind a picture without an image


class Scene:
    """Images and what they are called, of the samples that are drawn.

    Attributes:
        images: `(samples, height, width, 1 or 3)` in [0, 1], or `None`.
        samples: The indices of those that are drawn.
        titles: What they are called.
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

    def size(self, otherwise: tuple[int, int] = (64, 64)) -> tuple[int, int]:
        """Return height and width of the images, or of what is there."""
        return otherwise if self.images is None else self.images.shape[1:3]

    def show(
        self,
        axis: Any,
        sample: int,
        size: tuple[int, int],
        *,
        colours: bool = False,
    ) -> None:
        """Draw an image, in grey or in its colours."""
        height, width = size
        axis.set_facecolor(GREY)
        axis.set_xlim(-0.5, width - 0.5)
        axis.set_ylim(height - 0.5, -0.5)
        axis.set_aspect("equal")
        if self.images is not None:
            image = self.images[sample]
            if not colours:
                # Paler than it is, for what is drawn over it to be seen.
                image = 0.15 + 0.7 * image.mean(-1, keepdims=True)
            grey = image.shape[-1] == 1
            axis.imshow(
                image[..., 0] if grey else image,
                cmap="gray" if grey else None,
                vmin=0,
                vmax=1,
                interpolation="nearest",
            )


def unit_range(images: Any, data_format: str) -> np.ndarray:
    """Return images in [0, 1], the channels last and one or three of them."""
    images = np.asarray(images)
    if images.ndim == 4 and data_format == "channels_first":
        images = np.moveaxis(images, 1, -1)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or not images.size:
        raise ValueError(
            "`images` must be of rank 4, or 3 without channels. "
            f"Received: images of shape {images.shape}"
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
