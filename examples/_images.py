"""Images by class: digits, Fashion-MNIST, or a folder of images."""

import argparse
import os
import warnings
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import _progress
import _scans
import _support
import keras
import numpy as np
from PIL import Image
from PIL import ImageOps

NAMES = ("digits", "fashion_mnist")
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif")
SUFFIXES += (".tiff", ".webp")
# Names of the folder of test images beside `train`.
TEST_FOLDERS = ("test", "val", "valid", "validation")
NAMED_AT_MOST = 5  # the most files that a note or an error lists
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


class Images(NamedTuple):
    """Images `(count, height, width, channels)` of bytes, and their classes."""

    train_images: np.ndarray
    test_images: np.ndarray
    train_labels: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]


class Batches(keras.utils.PyDataset):
    """The training images in batches of equal size, shuffled in every epoch.

    Images that do not fill a last batch are left out of the epoch.
    """

    def __init__(self, images: Images, batch_size: int, seed: int):
        super().__init__()
        self.images = images
        self.batch_size = min(batch_size, len(images.train_labels))
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return len(self.images.train_labels) // self.batch_size

    def __getitem__(self, index):
        first = index * self.batch_size
        chosen = self.order[first : first + self.batch_size]
        return self.images.train_images[chosen], self.images.train_labels[
            chosen
        ]

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.images.train_labels))


def add_options(parser: argparse.ArgumentParser, size: int = 64) -> None:
    """Add the options that choose images: the arguments of `load`.

    Args:
        parser: The parser of the example.
        size: The default of `--size`.
    """
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--data",
        choices=NAMES,
        default=NAMES[0],
        help="scikit-learn's digits, or a data set that is downloaded "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--images",
        type=_folder,
        metavar="FOLDER",
        help="a folder with a folder of images for each class",
    )
    parser.add_argument(
        "--size",
        type=_support.positive_integer,
        default=size,
        help="height and width of the images of a folder "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--test-share",
        type=_support.share,
        default=0.2,
        metavar="SHARE",
        help="share of the images of a folder that are for the test, if it has "
        "no folders train and test (default: %(default)s)",
    )
    parser.add_argument(
        "--train",
        type=_support.positive_integer,
        metavar="COUNT",
        help="how many of the training images to use (default: all)",
    )


def _folder(text: str) -> str:
    """Return `text` if it is a folder: a type for `argparse`."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"must be a folder. Received: {text}")
    return text


def chosen(options: argparse.Namespace) -> Images:
    """Return the images that the options of `add_options` choose."""
    return load(
        options.images or options.data,
        size=options.size,
        test_share=options.test_share,
        train=options.train,
    )


def load(
    data: str, *, size: int, test_share: float, train: int | None = None
) -> Images:
    """Return the images of a name of `NAMES`, or of a folder.

    Args:
        data: The name, or the path of a folder.
        size: Height and width that images of a folder are resized to.
        test_share: Share of the images of a folder that are for the test,
            unless it has a folder for them.
        train: Number of training images to keep; `None` for all.
    """
    if data in NAMES:
        images = _of_scans(data)
    else:
        images = _of_folder(Path(data), size, test_share)
    # Shuffled, so that a part of the images has all classes.
    order = np.random.default_rng(0).permutation(len(images.train_labels))
    chosen = order[:train]
    return images._replace(
        train_images=images.train_images[chosen],
        train_labels=images.train_labels[chosen],
    )


def _of_scans(source: str) -> Images:
    scans = _scans.load(source)
    train, test = (
        np.round(255 * x).astype("uint8")
        for x in (scans.train_images, scans.test_images)
    )
    names = tuple(map(str, range(10)))
    return Images(train, test, scans.train_labels, scans.test_labels, names)


def _of_folder(folder: Path, size: int, test_share: float) -> Images:
    """Return the images of `folder/class`, or of `train` and `test` in it."""
    parts = {path.name.lower(): path for path in _folders(folder)}
    test = next((parts[x] for x in TEST_FOLDERS if x in parts), None)
    if "train" in parts and test:
        known = {parts["train"], test}
        left_out = [path for path in _folders(folder) if path not in known]
        _note(left_out, "left out, as training and test images are beside them")
        train_files = _files(parts["train"])
        test_files = _files(test)
        if differing := sorted(train_files.keys() ^ test_files.keys()):
            _support.fail(
                f"{parts['train']} and {test} must have the same classes. In "
                f"only one of them: {', '.join(differing[:NAMED_AT_MOST])}"
            )
    else:
        train_files = _files(folder)
        test_files = {name: [] for name in train_files}
    if len(train_files) < 2:
        _support.fail(
            f"{folder} must have a folder of images for each of at least two "
            f"classes. Received: {', '.join(train_files) or 'no folders'}"
        )
    channels = _channels([*train_files.values(), *test_files.values()])
    unreadable: list[Path] = []
    read = {
        name: _read(files, size, channels, unreadable)
        for name, files in (("training", train_files), ("test", test_files))
    }
    _note(unreadable, "left out, as they cannot be read as images")
    splits = []
    for label, name in enumerate(train_files):
        training, tests = read["training"][name], read["test"][name]
        if test is None:
            training, tests = _split(training, test_share)
        if not len(training) or not len(tests):
            _support.fail(
                f"The class {name} must have at least one training image and "
                f"one test image that can be read. Received: {len(training)} "
                f"and {len(tests)}"
            )
        splits.append((training, tests, label))
    return Images(
        np.concatenate([training for training, _, _ in splits]),
        np.concatenate([tests for _, tests, _ in splits]),
        np.concatenate([np.full(len(x), y) for x, _, y in splits]),
        np.concatenate([np.full(len(x), y) for _, x, y in splits]),
        tuple(train_files),
    )


def _split(images: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return training and test images of a class, always the same."""
    order = np.random.default_rng(0).permutation(len(images))
    count = min(max(round(share * len(images)), 1), max(len(images) - 1, 0))
    return images[order[count:]], images[order[:count]]


def _folders(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and _shown(path.name)
    )


def _shown(name: str) -> bool:
    """Return whether a file is neither hidden nor added by an archive tool."""
    return not name.startswith((".", "__")) and name != "Thumbs.db"


def _files(folder: Path) -> dict[str, list[Path]]:
    """Return the files of images of each class, also in folders below it."""
    others = [x for x in folder.iterdir() if x.is_file() and _shown(x.name)]
    classes: dict[str, list[Path]] = {}
    for path in _folders(folder):
        classes[path.name] = []
        for found in _walk(path):
            is_image = found.suffix.lower() in SUFFIXES
            (classes[path.name] if is_image else others).append(found)
    _note(others, "left out, as they are not images of a class by their names")
    if empty := [name for name, files in classes.items() if not files]:
        _support.fail(
            "Each folder of a class must have images "
            f"({', '.join(SUFFIXES)}). Received without: "
            f"{', '.join(str(folder / name) for name in empty[:NAMED_AT_MOST])}"
        )
    return classes


def _walk(folder: Path) -> Iterator[Path]:
    for path, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(filter(_shown, folders))
        yield from (Path(path, name) for name in sorted(files) if _shown(name))


def _channels(groups: Iterable[list[Path]]) -> int:
    """Return 1 if all images are gray, otherwise 3."""
    for path in (path for files in groups for path in files):
        try:
            with Image.open(path) as image:
                if image.mode not in ("1", "L", "LA") and image.mode[0] != "I":
                    return 3
        except UNREADABLE:
            continue  # `_read` reports it.
    return 1


def _read(
    classes: dict[str, list[Path]],
    size: int,
    channels: int,
    unreadable: list[Path],
) -> dict[str, np.ndarray]:
    """Return the images of each class that can be read."""
    images: dict[str, list[np.ndarray]] = {name: [] for name in classes}
    files = [(name, path) for name in classes for path in classes[name]]
    for name, path in _progress.track(files, "image"):
        try:
            images[name].append(_read_file(path, size, channels))
        except UNREADABLE:
            unreadable.append(path)
    shape = (-1, size, size, channels)
    return {
        name: np.array(read, "uint8").reshape(shape)
        for name, read in images.items()
    }


def _read_file(path: Path, size: int, channels: int) -> np.ndarray:
    with warnings.catch_warnings(), Image.open(path) as opened:
        warnings.simplefilter("ignore")  # on metadata that is not used
        image = ImageOps.exif_transpose(opened)
        if image.mode[0] == "I":  # 16 bits, of which the upper 8 are kept
            values = np.clip(np.asarray(image, "int64") // 256, 0, 255)
            image = Image.fromarray(values.astype("uint8"))
        if image.mode == "F":
            raise ValueError("floating-point values have no known range")
        if "A" in image.mode or "transparency" in image.info:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        image = image.convert("L" if channels == 1 else "RGB")
        image = image.resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(image).reshape(size, size, channels)


def _note(paths: list[Path], why: str) -> None:
    """Print the files that are not used, if there are any."""
    if paths:
        shown = ", ".join(map(str, paths[:NAMED_AT_MOST]))
        more = len(paths) - NAMED_AT_MOST
        shown += f" and {more} more" if more > 0 else ""
        print(f"Note: {len(paths)} {why}: {shown}", flush=True)
