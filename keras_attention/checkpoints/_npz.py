"""Files of type `.npz`, read so that an array that is refused is named."""

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

NO_SUCH_DTYPE = (
    "A '.npz' file does not name the dtypes that NumPy lacks, but for bfloat16 "
    "and float8_e5m2. Save the array in float32, or as a '.safetensors' file."
)

# A third version is for names of fields, which no weights have.
_NPY_READERS: dict[bytes, Callable] = {
    b"\x93NUMPY\1\0": np.lib.format.read_array_header_1_0,
    b"\x93NUMPY\2\0": np.lib.format.read_array_header_2_0,
}
_NPY_LENGTHS = dict(zip(_NPY_READERS, (2, 4), strict=True))
_NPY_HEADER = 10_000  # NumPy's own limit

# So many bytes are read at a time, in place of a second copy of an array.
_CHUNK = 2**20


def read(file: BinaryIO) -> Mapping:
    """Return the arrays of a `.npz` file.

    NumPy parses the header of each array anew, which takes most of the time
    where arrays are many and small, and does not name an array that it refuses.
    """
    arrays = {}
    with _archives.open_archive(file) as archive:
        entries = archive.infolist()
        if len(entries) > _archives.MAX_ARRAYS:
            raise _archives.too_many(file)
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            with archive.open(entry) as member:
                arrays[name] = _read_array(name, member, entry.file_size)
    return arrays


def _read_array(name: str, file: Any, size: int) -> np.ndarray:
    """Return the array in a `.npy` file of `size` bytes."""
    version = file.read(8)
    length = file.read(_NPY_LENGTHS[version])
    count = int.from_bytes(length, "little")
    header = length + file.read(min(count, _NPY_HEADER + 1))
    try:
        shape, fortran_order, dtype = _npy_header(version, header)
    except ValueError as error:
        if not isinstance(error.__cause__, TypeError):
            raise
        cause = f"array of which NumPy says: {error}"
        raise NotNumbersError(name, cause, NO_SUCH_DTYPE) from error
    held = size - len(version) - len(header)
    if math.prod(shape) * dtype.itemsize != held or dtype.hasobject:
        raise ValueError(f"{held} bytes claim to be of shape {shape}.")
    content = np.empty(held, "uint8")
    found = 0
    for start in range(0, held, _CHUNK):
        found += file.readinto(content[start : start + _CHUNK])
    file.read()  # what is damaged is found at the end
    if found < held:
        raise ValueError(f"{found} bytes claim to be {held}.")
    array = content.view(dtype)
    if fortran_order:
        return array.reshape(shape[::-1]).T
    return array.reshape(shape)


@functools.lru_cache(maxsize=1024)
def _npy_header(version: bytes, header: bytes) -> tuple[tuple, bool, np.dtype]:
    """Return the shape, the order and the dtype that a header tells.

    There is one type of one byte that is stored as a float, though NumPy cannot
    read it.
    """
    known = header.replace(b"'<f1'", b"'|u1'")
    read = _NPY_READERS[version]
    shape, fortran_order, dtype = read(
        io.BytesIO(known), max_header_size=_NPY_HEADER
    )
    if known != header and dtype == np.uint8:
        dtype = np.dtype(ml_dtypes.float8_e5m2)
    return shape, fortran_order, dtype
