"""Checks of PyTorch files before PyTorch reads them.

A file of `size` bytes may take `memory_limit(size)` bytes of memory when it is
read, and as many steps.
"""

import io
import pickletools
import re
import zipfile
from collections.abc import Mapping
from typing import Any
from typing import BinaryIO

from keras_attention.checkpoints import _archives

# The opcodes of a tensor in a pickle: the end of the tuple that describes its
# storage, its entry in the memo, the load of the storage, and the offset.
_SAVED_TENSOR = re.compile(rb"t(?:q.|r....)Q[JKM]", re.DOTALL)

# The bytes of an old PyTorch file that are searched for tensors.
_SEARCHED_BYTES = 2**26


def check_torch(file: BinaryIO) -> None:
    """Raise an error for a PyTorch file that is corrupted or over a limit."""
    size = _archives.file_size(file)
    if not zipfile.is_zipfile(file):
        _check_legacy(file, size)
        return
    # PyTorch ignores upper and lower case in the names of entries.
    with _archives.open_archive(file, str.lower) as archive:
        entries = archive.infolist()
        # PyTorch does not verify checksums when it reads. It has an option to
        # write none: then all of them are zero.
        if any(entry.CRC for entry in entries):
            corrupted = archive.testzip()
            if corrupted is not None:
                raise zipfile.BadZipFile(f"Bad CRC-32 for {corrupted!r}")
        folder = entries[0].filename.partition("/")[0]
        records = {
            entry.filename.removeprefix(f"{folder}/data/"): entry.file_size
            for entry in entries
        }
        pickled = archive.getinfo(f"{folder}/data.pkl")
        del pickled.CRC  # It was verified above, or was not written.
        content = archive.read(pickled)
        if _count_saved_tensors(content) > _archives.MAX_ARRAYS:
            raise _archives.too_many_arrays(file)
        with io.BytesIO(content) as member:
            scan = _PickleScan(member, _archives.memory_limit(size))
    if scan.tensors > _archives.MAX_ARRAYS:
        raise _archives.too_many_arrays(file)
    for key, (numbers, width) in scan.storages.items():
        stored = records.get(key, 0)
        if numbers * (width or 1) > stored or (width and stored % width):
            raise ValueError(f"{stored} bytes cannot hold {numbers} numbers.")


def _check_legacy(file: BinaryIO, size: int) -> None:
    """Raise an error for a file of PyTorch before 1.6 that exceeds a limit."""
    file.seek(0)
    searched = file.read(min(size, _SEARCHED_BYTES))
    if _count_saved_tensors(searched) > _archives.MAX_ARRAYS:
        raise _archives.too_many_arrays(file)
    file.seek(0)
    for _ in ("magic number", "version", "system", "tensors", "storages"):
        scan = _PickleScan(file, _archives.memory_limit(size))
        if scan.tensors > _archives.MAX_ARRAYS:
            raise _archives.too_many_arrays(file)
        needed = sum(
            numbers * (width or 1) for numbers, width in scan.storages.values()
        )
        if needed > size:
            raise ValueError(f"{size} bytes cannot hold {needed}.")


def _count_saved_tensors(pickled: bytes) -> int:
    """Return the number of tensors that PyTorch wrote into a pickle.

    This only searches bytes. A file that was not written by PyTorch may have
    more tensors; `_PickleScan` counts all of them, but takes far longer.
    """
    return sum(1 for _ in _SAVED_TENSOR.finditer(pickled))


class _Value:
    """An object of a pickle, of which only the size is known, as a rule.

    Attributes:
        size: The number of steps it takes to visit the object and all its
            entries, counting shared entries each time.
        content: The object itself if it is a string, an integer, the name of a
            global or a tuple of values; otherwise `None`.
    """

    __slots__ = ("content", "size")

    def __init__(self, size: int, content: Any = None) -> None:
        self.size = min(size, 2**62)  # Nesting can double it many times.
        self.content = content


class _PickleScan:
    """A scan of a pickle that counts tensors, storages and steps.

    Nothing in the pickle is executed. PyTorch itself executes only a few of its
    own functions and makes some of Python's containers. But these can take any
    time or memory, too: nested tuples with shared entries take long to hash,
    bytes can be encoded again and again, and a tensor can be made of a size
    alone.

    Attributes:
        storages: The number of values of each storage, and the bytes of one
            value (0 if unknown), by key.
        tensors: The number of tensors. The scan stops if there are more than
            `MAX_ARRAYS`.
    """

    def __init__(self, file: Any, steps: int) -> None:
        """Scan one pickle.

        Args:
            file: The file, which is read up to the end of the pickle.
            steps: The number of steps that reading the pickle may take.
        """
        self.storages: dict[str, tuple[int, int]] = {}
        self.tensors = 0
        self._steps = steps
        self._memo: dict[int, _Value] = {}
        self._stack: list[_Value] = []
        self._marks: list[list[_Value]] = []
        for opcode, argument, _ in pickletools.genops(file):
            self._run(opcode.name, argument)
            if self.tensors > _archives.MAX_ARRAYS:
                break

    def _run(self, name: str, argument: Any) -> None:
        stack = self._stack
        match name:
            case "PROTO" | "STOP":
                pass
            case "MARK":
                self._marks.append(stack)
                self._stack = []
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "TUPLE":
                self._push_tuple(self._pop_mark())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(name[-1])
                items, stack[-count:] = stack[-count:], []
                self._push_tuple(items)
            case "APPEND":
                self._add(stack.pop(), into=stack[-1])
            case "APPENDS":
                for item in self._pop_mark():
                    self._add(item, into=self._stack[-1])
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                self._spend(key.size)
                self._add(value, into=stack[-1])
            case "SETITEMS":
                items = self._pop_mark()
                for key, value in zip(items[::2], items[1::2], strict=True):
                    self._spend(key.size)
                    self._add(value, into=self._stack[-1])
            case "REDUCE" | "NEWOBJ":
                arguments, function = stack.pop(), stack.pop()
                self._call(function.content, arguments)
            case "BUILD":
                self._spend(stack.pop().size)
            case "BINPERSID":
                self._store(stack.pop())
            case _ if name in _CONSTANTS:
                length = len(argument) if isinstance(argument, str) else 1
                stack.append(_Value(1 + length, argument))
            case _:
                raise ValueError(f"Files of weights do not use {name}.")

    def _pop_mark(self) -> list[_Value]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _push_tuple(self, items: list[_Value]) -> None:
        size = 1 + sum(item.size for item in items)
        self._stack.append(_Value(size, tuple(items)))

    def _add(self, item: _Value, into: _Value) -> None:
        into.size = min(into.size + item.size, 2**62)

    def _spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise ValueError("The pickle takes too many steps to read.")

    def _call(self, name: Any, arguments: _Value) -> None:
        self._spend(arguments.size)
        size = arguments.size
        # A parameter is made from a tensor, which is counted already.
        if "_rebuild_" in str(name) and "_parameter" not in str(name):
            self.tensors += 1
        if name == "_codecs encode":
            size *= 8
        elif str(name).endswith(("bytearray", "Tensor", "Storage")) and any(
            isinstance(item.content, int) for item in arguments.content or ()
        ):
            raise ValueError(f"{name} is called with a size and no content.")
        self._stack.append(_Value(size))

    def _store(self, key: _Value) -> None:
        self._spend(key.size)
        _, storage, name, _, numbers, *_ = (it.content for it in key.content)
        dtype = str(storage).split(" ")[-1].removesuffix("Storage")
        width = _WIDTHS.get(dtype, 0)
        before = self.storages.get(str(name), (0, width))
        self.storages[str(name)] = max((int(numbers), width), before)
        self._stack.append(_Value(1))


_CONSTANTS = {
    *("NONE", "NEWFALSE", "NEWTRUE", "GLOBAL"),
    *("EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"),
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINSTRING"),
}

# Bytes of one value, by the name of the storage class without its ending.
_WIDTHS: Mapping[str, int] = {
    **dict.fromkeys(("Untyped", "Byte", "Char", "Bool", "QInt8", "QUInt8"), 1),
    **dict.fromkeys(("Half", "BFloat16", "Short"), 2),
    **dict.fromkeys(("Float", "Int", "QInt32"), 4),
    **dict.fromkeys(("Double", "Long", "ComplexFloat"), 8),
    "ComplexDouble": 16,
}
