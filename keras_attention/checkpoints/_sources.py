"""What weights may be read from: a file or a mapping, to NumPy arrays."""

import math
import os
import zipfile
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import BinaryIO

import numpy as np

from keras_attention._backend import torch_files


def read_source(source: Any) -> dict[str, np.ndarray]:
    """Return the weights in `source` under their names, nothing left to strip.

    Args:
        source: A mapping, or the path of a file.
    """
    if isinstance(source, str | os.PathLike):
        source = _read_file(Path(source))
    if not isinstance(source, Mapping):
        raise ValueError(
            "`source` must be a mapping from names to arrays, or the path of a "
            f"file that holds one. Received: source={source!r}"
        )
    return {
        # TensorFlow 1 numbers the outputs of what makes a variable.
        str(name).removesuffix(":0"): _array(name, value)
        for name, value in _unwrap(source).items()
        # PyTorch counts what Keras has no use for.
        if not str(name).endswith("num_batches_tracked")
    }


def _unwrap(source: Mapping) -> Mapping:
    """Return the weights that a training script saved among other things."""
    for wrapper in ("state_dict", "model"):
        if isinstance(source.get(wrapper), Mapping):
            return _unwrap(source[wrapper])
    return source


def _array(name: Any, value: Any) -> np.ndarray:
    """Return `value`, whoever made it, as an array of numbers."""
    try:
        array = _to_numpy(value)
        is_real = np.can_cast(array.dtype, np.float64, "same_kind")
    except (RuntimeError, TypeError, ValueError):
        is_real = False
    if not is_real:
        raise ValueError(
            "`source` must hold nothing but arrays of real numbers. "
            f"Received: source[{name!r}]={value!r}"
        )
    return array


def _to_numpy(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):  # PyTorch's, of any device
        value = value.detach().cpu()
        if value.element_size() < 4:  # may be bfloat16, which NumPy has not
            value = value.float()
    return np.asarray(value)


def _read_file(path: Path) -> Any:
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise ValueError(
            f"A `source` that is a file must end in {', '.join(_READERS)}. "
            f"Received: source={str(path)!r}"
        )
    with path.open("rb") as file:
        try:
            return read(file)
        except ImportError:
            raise
        except Exception as error:  # each library has its own for a bad file
            raise ValueError(
                "`source` must be a whole file of the format that its ending "
                "tells, of arrays alone: no Python objects, which could run "
                f"code. Received: source={str(path)!r}"
            ) from error


def _read_npz(file: BinaryIO) -> Mapping:
    with zipfile.ZipFile(file) as archive:
        _check_claims(archive)
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


def _check_claims(archive: zipfile.ZipFile) -> None:
    """Refuse arrays of sizes for which memory would be taken in vain."""
    entries = archive.infolist()
    packed = sum(entry.compress_size for entry in entries)
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > 100 * packed + _UNSUSPECTED:
        raise ValueError(f"{packed} bytes claim to hold {unpacked}.")
    for entry in entries:
        with archive.open(entry) as member:
            read_header = _HEADERS[np.lib.format.read_magic(member)]
            shape, _, dtype = read_header(member)
            held = entry.file_size - member.tell()
        if math.prod(shape) * dtype.itemsize != held:
            raise ValueError(f"{held} bytes claim to be of shape {shape}.")


def _read_safetensors(file: BinaryIO) -> Mapping:
    try:
        from safetensors.numpy import load
    except ImportError as error:
        raise ImportError(
            "Reading a '.safetensors' file needs the safetensors library: "
            "`pip install keras-vision-attention[safetensors]`. "
            f"Received: source={file.name!r}"
        ) from error
    return load(file.read())


# Bytes of zeros that a file may hold, packed into next to nothing.
_UNSUSPECTED = 2**26

# There is a third version, for names of fields, which no weights have.
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

_READERS: dict[str, Callable[[BinaryIO], Any]] = {
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt", ".tar"), torch_files.load),
}
