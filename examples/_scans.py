"""Small gray images of ten classes, split into training and test."""

from typing import NamedTuple

import _support
import numpy as np

SOURCES = ("digits", "mnist", "fashion_mnist")
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
    """Return images in a stratified split into training and test.

    Args:
        source: `"digits"` for the 1797 scans of 8x8 pixels that come with
            scikit-learn, `"mnist"` or `"fashion_mnist"` for the 70000 images of
            28x28 that Keras downloads, in the official split.
        train_size: Number of training digits to keep; `None` for all.
        validate: Whether to replace the test digits by the last fifth of the
            training digits, to select settings without the test digits.
    """
    scans = _load_digits() if source == "digits" else download(source)
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


def download(source: str) -> Scans:
    """Return a data set of `keras.datasets`, or end with its error."""
    import keras

    try:
        train, test = getattr(keras.datasets, source).load_data()
    except Exception as error:  # Keras raises one without a class of its own.
        _support.fail(f"{source} cannot be downloaded: {error}")
    return Scans(
        train[0][..., None].astype("float32") / 255,
        test[0][..., None].astype("float32") / 255,
        train[1].astype("int64"),
        test[1].astype("int64"),
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
