"""Reading `.npz` files with errors that name the array."""

import functools
import io
import math
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import BinaryIO

import ml_dtypes
import numpy as np

from keras_attention.checkpoints import _archives
from keras_attention.checkpoints._errors import NotNumbersError

UNKNOWN_DTYPE_CURE = (
    "Of the dtypes that NumPy lacks, a '.npz' file can hold bfloat16 and "
    "float8_e5m2. Save the array in float32, or as a '.safetensors' file."
)

# Version 3 is for structured arrays with non-ASCII names of fields.
_NPY_READERS: dict[bytes, Callable] = {
    b"\x93NUMPY\1\0": np.lib.format.read_array_header_1_0,
    b"\x93NUMPY\2\0": np.lib.format.read_array_header_2_0,
}
_NPY_LENGTH_SIZES = dict(zip(_NPY_READERS, (2, 4), strict=True))
_NPY_HEADER_LIMIT = 10_000  # the default of NumPy

# Arrays are read in chunks of so many bytes, to avoid a second copy.
_CHUNK = 2**20


def read(file: BinaryIO) -> Mapping:
    """Return the arrays of a `.npz` file.

    `numpy.load` parses the header of each array anew, which takes most of the
    time for many small arrays, and its errors do not name the array.
    """
    arrays = {}
    with _archives.open_archive(file) as archive:
        entries = archive.infolist()
        if len(entries) > _archives.MAX_ARRAYS:
            raise _archives.too_many_arrays(file)
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            with archive.open(entry) as member:
                arrays[name] = _read_array(name, member, entry.file_size)
    return arrays


def _read_array(name: str, file: Any, size: int) -> np.ndarray:
    """Return the array in a `.npy` file of `size` bytes."""
    version = file.read(8)
    length = file.read(_NPY_LENGTH_SIZES[version])
    count = int.from_bytes(length, "little")
    header = length + file.read(min(count, _NPY_HEADER_LIMIT + 1))
    try:
        shape, fortran_order, dtype = _npy_header(version, header)
    except ValueError as error:
        if not isinstance(error.__cause__, TypeError):
            raise
        cause = f"array of which NumPy says: {error}"
        raise NotNumbersError(name, cause, UNKNOWN_DTYPE_CURE) from error
    expected = size - len(version) - len(header)
    if math.prod(shape) * dtype.itemsize != expected or dtype.hasobject:
        raise ValueError(f"{expected} bytes are not an array of shape {shape}.")
    content = np.empty(expected, "uint8")
    found = 0
    for start in range(0, expected, _CHUNK):
        found += file.readinto(content[start : start + _CHUNK])
    file.read()  # The checksum is verified at the end of the entry.
    if found < expected:
        raise ValueError(f"There are {found} bytes in place of {expected}.")
    array = content.view(dtype)
    if fortran_order:
        return array.reshape(shape[::-1]).T
    return array.reshape(shape)


@functools.lru_cache(maxsize=1024)
def _npy_header(version: bytes, header: bytes) -> tuple[tuple, bool, np.dtype]:
    """Return the shape, the order and the dtype in a header.

    NumPy writes `float8_e5m2` of ml_dtypes as the dtype `<f1`, which it cannot
    read.
    """
    known = header.replace(b"'<f1'", b"'|u1'")
    read = _NPY_READERS[version]
    shape, fortran_order, dtype = read(
        io.BytesIO(known), max_header_size=_NPY_HEADER_LIMIT
    )
    if known != header and dtype == np.uint8:
        dtype = np.dtype(ml_dtypes.float8_e5m2)
    return shape, fortran_order, dtype
