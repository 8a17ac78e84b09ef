"""Handwritten digits that were scanned, split into training and test."""

from typing import NamedTuple

import numpy as np

SOURCES = ("digits", "mnist")
TRAIN_SIZE = 1280  # of scikit-learn's 1797; 20 batches of 64


class Scans(NamedTuple):
    """Images `(count, side, side, 1)` in [0, 1] and their classes."""

    train_images: np.ndarray
    test_images: np.ndarray
    train_labels: np.ndarray
    test_labels: np.ndarray


def load(
    source: str = "digits",
    train_size: int | None = None,
    validate: bool = False,
) -> Scans:
    """Return digits in a stratified split into training and test.

    Args:
        source: `"digits"` for the 1797 scans of 8x8 pixels that come with
            scikit-learn, `"mnist"` for the 70000 of 28x28 that Keras downloads.
        train_size: Number of training digits to keep; `None` for all.
        validate: Whether to replace the test digits by the last fifth of the
            training digits, to select settings without the test digits.
    """
    scans = _load_mnist() if source == "mnist" else _load_digits()
    if validate:
        scans = _split(
            scans.train_images,
            scans.train_labels,
            len(scans.train_labels) * 4 // 5,
        )
    return scans._replace(
        train_images=scans.train_images[:train_size],
        train_labels=scans.train_labels[:train_size],
    )


def _load_digits() -> Scans:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).astype("float32") / 16
    return _split(images, labels, TRAIN_SIZE)


def _load_mnist() -> Scans:
    import keras

    (train_images, train_labels), (test_images, test_labels) = (
        keras.datasets.mnist.load_data()
    )
    return Scans(
        train_images[..., None].astype("float32") / 255,
        test_images[..., None].astype("float32") / 255,
        train_labels.astype("int64"),
        test_labels.astype("int64"),
    )


def _split(images: np.ndarray, labels: np.ndarray, train_size: int) -> Scans:
    from sklearn.model_selection import train_test_split

    return Scans(
        *train_test_split(
            images,
            labels,
            train_size=train_size,
            stratify=labels,
            random_state=0,
        )
    )
