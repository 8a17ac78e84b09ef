"""Reading weights from files and mappings as NumPy arrays."""

import json
import os
import reprlib
import stat
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import BinaryIO

import ml_dtypes
import numpy as np

from keras_attention._backend import pytorch_files
from keras_attention.checkpoints import _archives
from keras_attention.checkpoints import _errors
from keras_attention.checkpoints import _npz
from keras_attention.checkpoints import _onnx
from keras_attention.checkpoints import _torch_checks
from keras_attention.checkpoints._errors import NotNumbersError
from keras_attention.checkpoints._errors import TooManyArraysError


def read_source(
    source: Any, prefix: str | Sequence[str] = ""
) -> dict[str, np.ndarray]:
    """Return the weights in `source` by name.

    Wrappers such as `state_dict`, counters of batches, and the ending `:0` of
    names are removed.

    Args:
        source: A mapping, or the path of a file.
        prefix: The start of the names to read, which is removed from them. Of
            several, each is the start of one name, which is replaced by
            `array_0`, `array_1` and so on.
    """
    _check_prefix(prefix)
    if isinstance(source, str | os.PathLike):
        source = _read_file(Path(source))
    if not isinstance(source, Mapping):
        raise ValueError(
            "`source` must be a mapping from names to arrays, or the path of a "
            f"file that holds one. Received: source={_short_repr(source)}"
        )
    arrays = {}
    entries = _MAX_LISTED_NUMBERS
    weights = _unwrap(source)
    if len(weights) > _archives.MAX_ARRAYS:
        shown = f"{type(weights).__name__} of {len(weights)} entries"
        raise TooManyArraysError(shown, _archives.MAX_ARRAYS)
    for name, chosen in _chosen(weights, prefix):
        # A counter of PyTorch's batch normalization. Keras has none.
        if str(name).endswith("num_batches_tracked"):
            continue
        try:
            value = weights[name]
        except ValueError as error:  # from the mapping of `numpy.load`
            cause = f"array of which NumPy says: {error}"
            raise NotNumbersError(
                name, cause, _npz.UNKNOWN_DTYPE_CURE
            ) from error
        entries -= _count_entries(value, {})
        if entries < 0:
            raise NotNumbersError(name, _short_repr(value))
        # TensorFlow 1 adds the number of an output to the name of a variable.
        arrays[chosen.removesuffix(":0")] = _array(name, value)
    return arrays


def _check_prefix(prefix: Any) -> None:
    prefixes = [prefix] if isinstance(prefix, str) else prefix
    if (
        not isinstance(prefixes, Sequence)
        or not prefixes
        or not all(isinstance(entry, str) for entry in prefixes)
    ):
        raise ValueError(
            "`prefix` must be a string, or a list of strings, one for each "
            f"array to load. Received: prefix={_short_repr(prefix)}"
        )


def _chosen(
    weights: Mapping, prefix: str | Sequence[str]
) -> Iterator[tuple[Any, str]]:
    """Yield the names that start with a prefix, and those without it."""
    if not prefix:
        for name in weights:
            yield name, str(name)
        return
    is_one = isinstance(prefix, str)
    prefixes = [prefix] if isinstance(prefix, str) else prefix
    for number, start in enumerate(prefixes):
        found = [name for name in weights if str(name).startswith(start)]
        if not is_one and start in found:
            found = [start]
        if not found or (len(found) > 1 and not is_one):
            raise ValueError(
                f"`prefix` must be the start of {'' if is_one else 'one of '}"
                f"the names of `source`, which are "
                f"{_errors.first_few(map(str, found or weights))}. Nothing was "
                f"loaded. Received: prefix={_short_repr(start)}"
            )
        for name in found:
            rest = str(name).removeprefix(start)
            yield name, rest if is_one else f"array_{number}"


def _unwrap(source: Mapping) -> Mapping:
    """Return the weights of a checkpoint that has other entries, too."""
    seen: list[Mapping] = []
    while not any(source is outer for outer in seen):
        seen.append(source)
        for wrapper in ("state_dict", "model", "model_state"):
            if isinstance(source.get(wrapper), Mapping):
                source = source[wrapper]
                break
    return source


def _array(name: Any, value: Any) -> np.ndarray:
    """Return an array, a tensor or nested lists as an array of numbers."""
    try:
        array = _to_numpy(value)
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        shown, cure = pytorch_files.describe(value) or (_short_repr(value), "")
        raise NotNumbersError(name, shown, cure) from error
    if array.dtype == _BFLOAT16_IN_NPZ:
        array = array.view(ml_dtypes.bfloat16)
    if not np.can_cast(array.dtype, np.float64, "same_kind"):
        unnamed = array.dtype.type is np.void and array.dtype.names is None
        cure = _npz.UNKNOWN_DTYPE_CURE if unnamed else ""
        raise NotNumbersError(name, _short_repr(array), cure)
    return array


def _count_entries(value: Any, known: dict[int, int], depth: int = 0) -> int:
    """Return the number of entries in nested lists, which may be shared."""
    if not isinstance(value, list | tuple):
        return int(depth > 0)
    if depth > _MAX_LIST_DEPTH:
        return _MAX_LISTED_NUMBERS + 1
    if id(value) not in known:
        known[id(value)] = 1 + sum(
            _count_entries(entry, known, depth + 1) for entry in value
        )
    return known[id(value)]


def _to_numpy(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):  # a PyTorch tensor, maybe on a GPU
        value = value.detach().cpu()
        if value.element_size() < 4:  # NumPy does not have bfloat16 and float8.
            value = value.float()
    return np.asarray(value)


class _ShortRepr(reprlib.Repr):
    """A short description of a value of any size, for messages."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 400
        self.maxlevel = 3

    def repr_instance(self, x: Any, level: int) -> str:
        """Describe an array, a container or any other object."""
        dtype = getattr(x, "dtype", None)
        if isinstance(dtype, np.dtype) and dtype.kind == "V":
            return f"array of dtype {dtype}, which is not a type of numbers"
        if dtype is not None and tuple(getattr(x, "shape", ())) != (1,):
            return f"array of dtype {dtype}"
        if isinstance(x, Mapping | list | tuple | set):
            return f"{type(x).__name__} of {len(x)} entries"
        return super().repr_instance(x, level)

    repr_ndarray = repr_Tensor = repr_instance


_short_repr = _ShortRepr().repr


def _read_file(path: Path) -> Any:
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise ValueError(
            f"A `source` that is a file must end in {', '.join(_READERS)}. "
            f"Received: source={str(path)!r}"
        )
    with open(path, "rb", opener=_open_nonblocking) as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise ValueError(
                "`source` must be a regular file, neither a pipe nor a device. "
                f"Received: source={str(path)!r}"
            )
        try:
            content = read(file)
        except (ImportError, NotNumbersError, TooManyArraysError):
            raise
        except Exception as error:  # Libraries raise errors of any class.
            raise ValueError(
                "`source` must be a whole file in the format of its ending, "
                "and hold arrays alone: no Python objects, which could run "
                f"code. Received: source={str(path)!r}"
            ) from error
        after = os.fstat(file.fileno())
        if _state(before) != _state(after):
            raise ValueError(
                "`source` must not change while it is read. "
                f"Received: source={str(path)!r}"
            )
    return content


def _open_nonblocking(path: str, flags: int) -> int:
    """Open a file without waiting for a writer if it is a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _state(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _read_torch(file: BinaryIO) -> Any:
    load = pytorch_files.loader(file.name)
    _torch_checks.check_torch(file)
    limit = _archives.memory_limit(file.seek(0, os.SEEK_END))
    file.seek(0)
    content = load(file)
    if isinstance(content, Mapping):
        _check_tensors(_unwrap(content), limit)
    return content


def _check_tensors(weights: Mapping, limit: int) -> None:
    """Raise an error for tensors that need far more memory than the file."""
    for name, value in weights.items():
        if any(hasattr(entry, "detach") for entry in _nested(value)):
            raise NotNumbersError(name, "a list of tensors")
        # Sparse tensors and the like are refused when they are converted.
        if not hasattr(value, "detach") or pytorch_files.describe(value):
            continue
        count = value.numel()
        stored = value.untyped_storage().nbytes() // value.element_size()
        if count > stored:
            raise NotNumbersError(
                name,
                f"a tensor expanded from {stored} numbers to {count}",
                "Save `tensor.contiguous()` instead of an expanded tensor.",
            )
        # Smaller dtypes are converted to float32.
        limit -= count * max(value.element_size(), 4)
    if limit < 0:
        raise ValueError("Tensors share their storage too often.")


def _nested(value: Any) -> Iterator[Any]:
    """Yield the entries of nested lists, which may contain themselves."""
    seen: set[int] = set()
    ahead = [value]
    while ahead:
        part = ahead.pop()
        if isinstance(part, list | tuple) and id(part) not in seen:
            seen.add(id(part))
            yield from part
            ahead.extend(part)


def _read_safetensors(file: BinaryIO) -> Mapping:
    try:
        from safetensors import deserialize
    except ImportError as error:
        raise ImportError(
            "Reading a '.safetensors' file needs the safetensors library: "
            "`pip install safetensors`. "
            f"Received: source={file.name!r}"
        ) from error
    data = file.read()
    for name, entry in _header(file.name, data).items():
        if name != "__metadata__" and entry["dtype"] not in _DTYPES:
            raise NotNumbersError(name, f"array of dtype {entry['dtype']}")
    return {
        name: np.frombuffer(entry["data"], _DTYPES[entry["dtype"]]).reshape(
            entry["shape"]
        )
        for name, entry in deserialize(data)
    }


def _header(name: str, data: bytes) -> dict[str, Any]:
    """Return the header of a safetensors file.

    This checks the number of arrays and repeated names. The library checks the
    rest of the file.
    """
    length = int.from_bytes(data[:8], "little")
    # The format limits the header to 100 MB. JSON that is cut raises an error.
    text = data[8 : 8 + min(length, 100_000_000)]
    # The header is an object, and so are `__metadata__` and each array.
    if text.count(b"{") > _archives.MAX_ARRAYS + 2:
        raise TooManyArraysError(repr(name), _archives.MAX_ARRAYS)
    return json.loads(text.decode(), object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("A name occurs twice.")
    return entries


# Limits for weights that are nested lists: more numbers than a network has, and
# the number of axes of an array.
_MAX_LISTED_NUMBERS = 2**26
_MAX_LIST_DEPTH = 32

# NumPy stores the dtypes of ml_dtypes as raw bytes. Only bfloat16 has 2 bytes.
_BFLOAT16_IN_NPZ = np.dtype("V2")

# The dtypes of safetensors without those of less than 8 bits.
_DTYPES: dict[str, np.dtype] = {
    "BOOL": np.dtype("bool"),
    **{f"U{8 * size}": np.dtype(f"u{size}") for size in (1, 2, 4, 8)},
    **{f"I{8 * size}": np.dtype(f"i{size}") for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": np.dtype(f"f{size}") for size in (2, 4, 8)},
    "C64": np.dtype("complex64"),
    **{
        name: np.dtype(getattr(ml_dtypes, theirs))
        for name, theirs in {
            "BF16": "bfloat16",
            "F8_E4M3": "float8_e4m3fn",
            "F8_E5M2": "float8_e5m2",
            "F8_E4M3FNUZ": "float8_e4m3fnuz",
            "F8_E5M2FNUZ": "float8_e5m2fnuz",
            "F8_E8M0": "float8_e8m0fnu",
        }.items()
        if hasattr(ml_dtypes, theirs)
    },
}

_READERS: dict[str, Callable[[BinaryIO], Any]] = {
    ".npz": _npz.read,
    ".onnx": _onnx.read,
    ".safetensors": _read_safetensors,
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt", ".tar"), _read_torch),
}
