"""Limits for the entries and the unpacked size of archives."""

import os
import zipfile
from collections.abc import Callable
from typing import Any
from typing import BinaryIO

from keras_attention.checkpoints._errors import TooManyArraysError

# No network has so many arrays, and reading more of them takes long.
MAX_ARRAYS = 100_000

# A PyTorch file has a few entries that are not arrays, such as `version`.
_OTHER_ENTRIES = 16

# The signature of an entry in the directory of an archive.
_ENTRY_SIGNATURE = b"PK\1\2"

# Every file may unpack to so many bytes, however small it is: zeros compress
# to almost nothing.
_ALWAYS_ALLOWED = 2**26


def memory_limit(size: int) -> int:
    """Return the bytes of memory that a file of `size` bytes may take."""
    return 100 * size + _ALWAYS_ALLOWED


def open_archive(
    file: BinaryIO, normalize_name: Callable[[str], str] = str
) -> zipfile.ZipFile:
    """Open an archive whose entries and unpacked size are within the limits.

    Args:
        file: The file.
        normalize_name: A function that returns the same name for all names that
            the reader of the archive does not distinguish.

    Raises:
        TooManyArraysError: If there are more entries than any network has
            arrays.
        ValueError: If the archive unpacks to far more bytes than the file has,
            or if two entries have the same name.
    """
    archive = zipfile.ZipFile(_LimitedDirectory(file))
    entries = archive.infolist()
    size = file_size(file)
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > memory_limit(size):
        raise ValueError(f"{size} bytes would unpack to {unpacked}.")
    # Readers differ in which of two entries of the same name they read.
    names = {normalize_name(entry.filename) for entry in entries}
    if len(names) < len(entries):
        raise ValueError("Two entries of the archive have the same name.")
    return archive


class _LimitedDirectory:
    """A file of an archive that raises an error for too long a directory.

    `zipfile` reads the directory with one call of `read`, and then makes an
    object of every entry, which takes long for a million entries.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        if content.count(_ENTRY_SIGNATURE) > MAX_ARRAYS + _OTHER_ENTRIES:
            raise too_many_arrays(self._file)
        return content


def too_many_arrays(file: BinaryIO) -> TooManyArraysError:
    """Return the error for a file of more arrays than any network has."""
    return TooManyArraysError(repr(file.name), MAX_ARRAYS)


def file_size(file: BinaryIO) -> int:
    """Return the size of an open file in bytes."""
    return os.fstat(file.fileno()).st_size
