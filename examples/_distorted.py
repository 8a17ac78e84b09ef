"""Digits, randomly rotated, scaled and translated, with clutter.

distortion = Distortion(canvas=40, digit=20, rotation=45, clutter=6)
scans = _scans.load()
training = Epochs(scans, distortion, batch_size=64, seed=0)
images, labels = held_out(scans, distortion)
model.fit(training, epochs=20, validation_data=(images, labels))
"""

from typing import NamedTuple

import keras
import numpy as np
from _scans import Scans
from scipy import ndimage

BLOCK = 1024  # number of images that are transformed at once, to limit memory


class Distortion(NamedTuple):
    """Parameters of the distortion; by default digits are only enlarged.

    Attributes:
        canvas: Height and width of the images, in pixels.
        digit: Height and width of a digit's scan on it, in pixels, at scale 1.
        rotation: Maximum angle of rotation in degrees, in either direction.
        scale: The minimum and the maximum factor of the size.
        translation: Maximum translation, as a share of the free margin: at 1 a
            digit may be anywhere on the canvas, completely inside.
        clutter: Number of pieces of other digits on the canvas.
        piece: Height and width of such a piece, in pixels.
    """

    canvas: int = 40
    digit: int = 24
    rotation: float = 0
    scale: tuple[float, float] = (1, 1)
    translation: float = 0
    clutter: int = 0
    piece: int = 8


class Epochs(keras.utils.PyDataset):
    """The training digits in batches, with a new distortion in every epoch.

    Args:
        scans: The digits.
        distortion: How they are shown.
        batch_size: Number of images of a batch, except perhaps the last.
        seed: The random seed.
        copies: Number of times that every digit is in an epoch.
    """

    def __init__(
        self,
        scans: Scans,
        distortion: Distortion,
        *,
        batch_size: int = 64,
        seed: int = 0,
        copies: int = 1,
    ):
        super().__init__()
        self.scans = enlarge(scans.train_images, distortion.digit)
        self.classes = scans.train_labels
        self.distortion = distortion
        self.batch_size = batch_size
        self.copies = copies
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.labels) // self.batch_size)

    def __getitem__(self, index):
        batch = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.images[batch], self.labels[batch]

    def on_epoch_end(self):
        shown = np.tile(np.arange(len(self.classes)), self.copies)
        self.rng.shuffle(shown)
        self.labels = self.classes[shown]
        self.images = distort(
            self.scans[shown], self.scans, self.distortion, self.rng
        )


def held_out(
    scans: Scans, distortion: Distortion, *, copies: int = 2, seed: int = 1000
) -> tuple[np.ndarray, np.ndarray]:
    """Return test digits, each distorted a few times, and their classes.

    The same arguments give the same images. Clutter is cut from training
    digits.
    """
    images = enlarge(scans.test_images, distortion.digit)
    pieces = enlarge(scans.train_images, distortion.digit)
    images = np.tile(images, (copies, 1, 1))
    rng = np.random.default_rng(seed)
    return (
        distort(images, pieces, distortion, rng),
        np.tile(scans.test_labels, copies),
    )


def enlarge(images: np.ndarray, digit: int) -> np.ndarray:
    """Return scans in the size of a digit and with a margin, smoothly.

    From `(count, side, side, 1)` to `(count, larger, larger)`, where the
    margin is as wide on the canvas as a pixel of the scan.
    """
    padded = np.pad(images[..., 0], ((0, 0), (1, 1), (1, 1)))
    factor = round(padded.shape[1] * digit / images.shape[1]) / padded.shape[1]
    larger = ndimage.zoom(
        padded,
        (1, factor, factor),
        order=3,
        mode="grid-constant",
        grid_mode=True,
    )
    return larger.clip(0, 1)


def distort(
    images: np.ndarray,
    pieces: np.ndarray,
    distortion: Distortion,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return every image on a canvas of its own, distorted.

    Args:
        images: Digits, as returned by `enlarge`.
        pieces: Digits for the clutter, as returned by `enlarge`.
        distortion: How they are shown.
        rng: The random number generator.

    Returns:
        Images `(count, canvas, canvas, 1)` in [0, 1].
    """
    count, canvas = len(images), distortion.canvas
    angle = np.deg2rad(
        rng.uniform(-distortion.rotation, distortion.rotation, count)
    )
    scale = rng.uniform(*distortion.scale, count)
    cos, sin = np.cos(angle), np.sin(angle)
    # The free margin around the square of a rotated scan.
    needed = distortion.digit * scale * (abs(cos) + abs(sin))
    room = np.maximum(canvas - needed, 0) / 2 * distortion.translation
    center = rng.uniform(-1, 1, (2, count)) * room
    canvases = np.empty((count, canvas, canvas), "float32")
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        canvases[block] = _transformed(
            images[block],
            canvas,
            (cos / scale)[block],
            (sin / scale)[block],
            center[:, block],
        )
    for _ in range(distortion.clutter):
        _add_clutter(canvases, pieces, distortion.piece, rng)
    return canvases[..., None]


def _transformed(
    images: np.ndarray,
    canvas: int,
    cos: np.ndarray,
    sin: np.ndarray,
    center: np.ndarray,
) -> np.ndarray:
    """Return images rotated, scaled and translated by bilinear sampling."""
    offset = np.arange(canvas, dtype="float32") - (canvas - 1) / 2
    cos, sin, (down, right) = (
        values.astype("float32")[..., None, None]
        for values in (cos, sin, center)
    )
    y, x = offset[:, None] - down, offset - right
    # Pad with one pixel of zeros for samples outside.
    images = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    side = images.shape[1]
    middle = np.float32((side - 1) / 2)
    v = (cos * y - sin * x + middle).clip(0, side - 1.001)
    u = (sin * y + cos * x + middle).clip(0, side - 1.001)
    top, left = v.astype("int32"), u.astype("int32")
    v -= top
    u -= left
    first = np.arange(len(images), dtype="int32")[:, None, None] * side**2
    corner = first + top * side + left
    pixels = images.ravel()
    upper = pixels[corner] * (1 - u) + pixels[corner + 1] * u
    corner += side
    lower = pixels[corner] * (1 - u) + pixels[corner + 1] * u
    return upper * (1 - v) + lower * v


def _add_clutter(
    canvases: np.ndarray,
    pieces: np.ndarray,
    piece: int,
    rng: np.random.Generator,
) -> None:
    """Add a piece of a random digit at a random location of each canvas."""
    count, canvas, _ = canvases.shape
    side = np.arange(piece)

    def squares(size: int) -> tuple[np.ndarray, np.ndarray]:
        top, left = rng.integers(0, size - piece + 1, (2, count, 1, 1))
        return top + side[:, None], left + side

    whose = rng.integers(0, len(pieces), (count, 1, 1))
    cut = pieces[whose, *squares(pieces.shape[1])]
    there = (np.arange(count)[:, None, None], *squares(canvas))
    canvases[there] = np.maximum(canvases[there], cut)
