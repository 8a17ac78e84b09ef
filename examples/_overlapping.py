"""Images of several overlapping digits, with the class of each pixel.

Each digit is pasted over the digits before it, in a brightness of its own. A
pixel has the class of the topmost digit that has ink there. Other pixels have
the class `BACKGROUND`.
"""

from typing import NamedTuple

import _distorted
import keras
import numpy as np
from _scans import Scans

CLASSES = 10  # of digits
BACKGROUND = 10
INK = 0.4  # A digit has ink where its scan is at least this value.


class Overlap(NamedTuple):
    """Parameters of the images.

    Attributes:
        digits: Number of digits of an image.
        brightness: The minimum and the maximum brightness of a digit.
        distortion: How each of the digits is shown, without clutter.
    """

    digits: int
    brightness: tuple[float, float]
    distortion: _distorted.Distortion


class Scenes(NamedTuple):
    """Images, and what is on each of their pixels.

    Attributes:
        images: Images `(count, canvas, canvas, 1)` in [0, 1].
        labels: The class of each pixel, `(count, canvas, canvas)`.
        depth: The number of digits with ink at each pixel, of this shape.
    """

    images: np.ndarray
    labels: np.ndarray
    depth: np.ndarray


class Epochs(keras.utils.PyDataset):
    """Images of the training digits in batches, new ones in every epoch.

    The classes of the pixels of a batch are `(batch, pixels)`.
    An epoch has as many images as there are training digits, and each digit is
    in as many of them as an image has digits.

    Args:
        scans: The digits.
        overlap: How they are shown.
        batch_size: Number of images of a batch, except perhaps the last.
        seed: The random seed.
    """

    def __init__(
        self, scans: Scans, overlap: Overlap, *, batch_size: int, seed: int
    ):
        super().__init__()
        self.scans = _distorted.enlarge(
            scans.train_images, overlap.distortion.digit
        )
        self.classes = scans.train_labels
        self.overlap = overlap
        self.batch_size = batch_size
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.classes) // self.batch_size)

    def __getitem__(self, index):
        batch = slice(index * self.batch_size, (index + 1) * self.batch_size)
        images, labels = self.scenes.images[batch], self.scenes.labels[batch]
        return images, labels.reshape(len(labels), -1)

    def on_epoch_end(self):
        self.scenes = paste(self.scans, self.classes, self.overlap, self.rng)


def held_out(
    scans: Scans, overlap: Overlap, *, copies: int = 2, seed: int = 1000
) -> Scenes:
    """Return images of test digits, a few times as many as there are digits.

    The same arguments give the same images.
    """
    digits = _distorted.enlarge(scans.test_images, overlap.distortion.digit)
    rng = np.random.default_rng(seed)
    parts = [
        paste(digits, scans.test_labels, overlap, rng) for _ in range(copies)
    ]
    return Scenes(*map(np.concatenate, zip(*parts, strict=True)))


def paste(
    digits: np.ndarray,
    classes: np.ndarray,
    overlap: Overlap,
    rng: np.random.Generator,
) -> Scenes:
    """Return an image for each digit, with it and others at random.

    Args:
        digits: Digits, as returned by `_distorted.enlarge`.
        classes: Their classes.
        overlap: How they are shown.
        rng: The random number generator.
    """
    count, canvas = len(digits), overlap.distortion.canvas
    images = np.zeros((count, canvas, canvas, 1), "float32")
    labels = np.full((count, canvas, canvas), BACKGROUND)
    depth = np.zeros_like(labels)
    for _ in range(overlap.digits):
        chosen = rng.permutation(count)
        ink = _distorted.distort(
            digits[chosen], digits, overlap.distortion, rng
        )
        brightness = rng.uniform(*overlap.brightness, (count, 1, 1, 1))
        opacity = (ink / (2 * INK)).clip(0, 1)  # a half at the border
        images += opacity * (brightness.astype("float32") - images)
        has_ink = ink[..., 0] >= INK
        labels = np.where(has_ink, classes[chosen, None, None], labels)
        depth += has_ink
    return Scenes(images, labels, depth)


def intersection_over_union(
    labels: np.ndarray, predicted: np.ndarray
) -> np.ndarray:
    """Return the intersection over union of each digit class, in [0, 1].

    The pixels of all images are counted together. A class that is neither
    among the labels nor predicted is NaN.
    """
    pairs = labels.ravel() * (CLASSES + 1) + predicted.ravel()
    counts = np.bincount(pairs, minlength=(CLASSES + 1) ** 2)
    counts = counts.reshape(CLASSES + 1, CLASSES + 1)
    intersection = np.diag(counts)
    union = counts.sum(0) + counts.sum(1) - intersection
    with np.errstate(invalid="ignore"):
        return (intersection / union)[:CLASSES]
