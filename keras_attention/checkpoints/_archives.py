"""Archives of arrays: how many entries and bytes they may claim to hold."""

import os
import zipfile
from collections.abc import Callable
from typing import Any
from typing import BinaryIO

from keras_attention.checkpoints._errors import TooManyArraysError

# More arrays than any network has: beyond that, reading takes long.
MAX_ARRAYS = 100_000

# A PyTorch file has a few entries that are no arrays, such as `version`.
_OTHER_ENTRIES = 16

# What each entry starts with in the directory of an archive.
_ENTRY = b"PK\1\2"

# Bytes of zeros that a file may hold, packed into next to nothing.
_UNSUSPECTED = 2**26


def limit(size: int) -> int:
    """Return how many bytes a file of so many bytes may take in memory."""
    return 100 * size + _UNSUSPECTED


def open_archive(
    file: BinaryIO, fold: Callable[[str], str] = str
) -> zipfile.ZipFile:
    """Return the archive in a file, if it does not claim too much.

    It is refused if it unpacks to much more than it has bytes, or has more
    entries than a network has arrays.

    Args:
        file: The file.
        fold: Makes one name of those that its reader takes for the same.
    """
    archive = zipfile.ZipFile(_FewEntries(file))
    entries = archive.infolist()
    size = size_of(file)
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limit(size):
        raise ValueError(f"{size} bytes claim to hold {unpacked}.")
    # Another reader may take another of two entries of one name.
    if len({fold(entry.filename) for entry in entries}) < len(entries):
        raise ValueError("Two entries of the archive have one name.")
    return archive


class _FewEntries:
    """A file with an archive, whose directory is refused if it is too long.

    `zipfile` reads the directory as a whole, then makes an object of every
    entry, which takes long for a million of them.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        if content.count(_ENTRY) > MAX_ARRAYS + _OTHER_ENTRIES:
            raise too_many(self._file)
        return content


def too_many(file: BinaryIO) -> TooManyArraysError:
    """Return the error for a file of more arrays than a network has."""
    return TooManyArraysError(repr(file.name), MAX_ARRAYS)


def size_of(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
