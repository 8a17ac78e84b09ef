"""Plot of `every_layer.py`: the attention of a layer on some digits."""

import io
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import keras_attention

SHOWN = 5  # digits, of the first classes
COUNT = 512  # of digits that statistics are computed of
DPI = 84
LARGEST = 60_000  # bytes of a file


def plot(
    path: Path,
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    title: str,
    *,
    every_class: bool,
) -> None:
    """Save a plot of the attention of the layer in a network.

    Args:
        path: The PNG file to write.
        model: The network.
        images: Digits that the network was not trained on.
        labels: Their classes.
        title: Title of the plot.
        every_class: Whether to compare all classes, or those that are shown.
    """
    images, labels = images[:COUNT], labels[:COUNT]
    if not every_class:
        images, labels = images[labels < SHOWN], labels[labels < SHOWN]
    figure = keras_attention.plot_attention(
        keras_attention.attention_maps(model, images, batch_size=len(images)),
        images,
        labels=labels,
        samples=[int(np.flatnonzero(labels == c)[0]) for c in range(SHOWN)],
        title=title,
    )
    file = io.BytesIO()
    figure.savefig(file, dpi=DPI)
    _save_small(Image.open(file).convert("RGB"), path)


def _save_small(picture: Image.Image, path: Path) -> None:
    """Save a picture with a palette, of fewer colors if the file is large.

    A palette makes the file a third as large. This method keeps colors that few
    pixels have, such as those of the bars.
    """
    for colors in (256, 64, 32):
        method = Image.Quantize.MAXCOVERAGE
        picture.quantize(colors, method, kmeans=3).save(path, optimize=True)
        if path.stat().st_size <= LARGEST:
            return
