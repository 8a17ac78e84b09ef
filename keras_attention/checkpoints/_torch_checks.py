"""What files claim to hold, checked before memory or time is spent on it.

A file of `size` bytes may take `limit(size)` bytes of memory when it is
unpacked, and may ask for as many steps of a reader.
"""

import io
import pickletools
import re
import zipfile
from collections.abc import Mapping
from typing import Any
from typing import BinaryIO

from keras_attention.checkpoints import _archives

# A tensor in a pickle: the tuple of its storage, which is remembered, then the
# offset in the storage.
_SAVED_TENSOR = re.compile(rb"t(?:q.|r....)Q[JKM]", re.DOTALL)

# Of an old PyTorch file, so many bytes are searched for tensors.
_HEAD = 2**26


def check_torch(file: BinaryIO) -> None:
    """Refuse a PyTorch file that is damaged, or claims more than it holds."""
    size = _archives.size_of(file)
    if not zipfile.is_zipfile(file):
        _check_legacy(file, size)
        return
    # PyTorch finds entries whatever their case.
    with _archives.open_archive(file, str.lower) as archive:
        entries = archive.infolist()
        # PyTorch does not look at the checksums. It can be told to write none:
        # all of them are zero then.
        if any(entry.CRC for entry in entries):
            damaged = archive.testzip()
            if damaged is not None:
                raise zipfile.BadZipFile(f"Bad CRC-32 for {damaged!r}")
        folder = entries[0].filename.partition("/")[0]
        records = {
            entry.filename.removeprefix(f"{folder}/data/"): entry.file_size
            for entry in entries
        }
        pickled = archive.getinfo(f"{folder}/data.pkl")
        del pickled.CRC  # was looked at, or is not there
        content = archive.read(pickled)
        if _saved_tensors(content) > _archives.MAX_ARRAYS:
            raise _archives.too_many(file)
        with io.BytesIO(content) as member:
            claims = _Claims(member, _archives.limit(size))
    if claims.tensors > _archives.MAX_ARRAYS:
        raise _archives.too_many(file)
    for key, (numbers, width) in claims.storages.items():
        held = records.get(key, 0)
        if numbers * (width or 1) > held or (width and held % width):
            raise ValueError(f"{held} bytes claim to be {numbers} numbers.")


def _check_legacy(file: BinaryIO, size: int) -> None:
    """Refuse a PyTorch file of before 1.6 that claims more than it holds."""
    file.seek(0)
    if _saved_tensors(file.read(min(size, _HEAD))) > _archives.MAX_ARRAYS:
        raise _archives.too_many(file)
    file.seek(0)
    for _ in ("magic number", "version", "system", "tensors", "storages"):
        claims = _Claims(file, _archives.limit(size))
        if claims.tensors > _archives.MAX_ARRAYS:
            raise _archives.too_many(file)
        claimed = sum(
            numbers * (width or 1)
            for numbers, width in claims.storages.values()
        )
        if claimed > size:
            raise ValueError(f"{size} bytes claim to hold {claimed}.")


def _saved_tensors(pickled: bytes) -> int:
    """Return how many tensors PyTorch wrote into a pickle, without reading it.

    A file that was made otherwise may have more. `_Claims` counts these, in
    much more time.
    """
    return sum(1 for _ in _SAVED_TENSOR.finditer(pickled))


class _Value:
    """What a pickle makes, of which no more is known than its size.

    Attributes:
        size: How many steps it takes to go through it, whatever it shares.
        content: Strings, integers, names of globals, and tuples of values.
    """

    __slots__ = ("content", "size")

    def __init__(self, size: int, content: Any = None) -> None:
        self.size = min(size, 2**62)  # doubled over and over it may be any
        self.content = content


class _Claims:
    """What a pickle would do, found without doing it.

    PyTorch runs nothing that a pickle names but a few functions of its own and
    some of Python's containers. These, too, can be made to take any time or
    memory: by tuples of tuples that are shared, which take long to hash, by
    bytes that are encoded over and over, and by sizes that are numbers.

    Attributes:
        storages: How many numbers of how many bytes there are to be (0 bytes
            where that is not known), by key.
        tensors: How many tensors there are to be. Reading stops where they are
            more than `MAX_ARRAYS`.
    """

    def __init__(self, file: Any, steps: int) -> None:
        """Read one pickle.

        Args:
            file: What it is read from, up to its end.
            steps: How many steps it may take.
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
                self._put(stack.pop(), into=stack[-1])
            case "APPENDS":
                for item in self._pop_mark():
                    self._put(item, into=self._stack[-1])
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                self._spend(key.size)
                self._put(value, into=stack[-1])
            case "SETITEMS":
                items = self._pop_mark()
                for key, value in zip(items[::2], items[1::2], strict=True):
                    self._spend(key.size)
                    self._put(value, into=self._stack[-1])
            case "REDUCE" | "NEWOBJ":
                arguments, function = stack.pop(), stack.pop()
                self._call(function.content, arguments)
            case "BUILD":
                self._spend(stack.pop().size)
            case "BINPERSID":
                self._store(stack.pop())
            case _ if name in _ATOMS:
                length = len(argument) if isinstance(argument, str) else 1
                stack.append(_Value(1 + length, argument))
            case _:
                raise ValueError(f"No file of weights has {name}.")

    def _pop_mark(self) -> list[_Value]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _push_tuple(self, items: list[_Value]) -> None:
        size = 1 + sum(item.size for item in items)
        self._stack.append(_Value(size, tuple(items)))

    def _put(self, item: _Value, into: _Value) -> None:
        into.size = min(into.size + item.size, 2**62)

    def _spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise ValueError("A few bytes claim to be many objects.")

    def _call(self, name: Any, arguments: _Value) -> None:
        self._spend(arguments.size)
        size = arguments.size
        # A parameter is made of a tensor.
        if "_rebuild_" in str(name) and "_parameter" not in str(name):
            self.tensors += 1
        if name == "_codecs encode":
            size *= 8
        elif str(name).endswith(("bytearray", "Tensor", "Storage")) and any(
            isinstance(item.content, int) for item in arguments.content or ()
        ):
            raise ValueError(f"{name} claims a size that has no content.")
        self._stack.append(_Value(size))

    def _store(self, key: _Value) -> None:
        self._spend(key.size)
        _, kind, name, _, numbers, *_ = (item.content for item in key.content)
        width = _WIDTHS.get(str(kind).split(" ")[-1].removesuffix("Storage"), 0)
        before = self.storages.get(str(name), (0, width))
        self.storages[str(name)] = max((int(numbers), width), before)
        self._stack.append(_Value(1))


_ATOMS = {
    *("NONE", "NEWFALSE", "NEWTRUE", "GLOBAL"),
    *("EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"),
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINSTRING"),
}

# Bytes of a number, by the storages that PyTorch names in files.
_WIDTHS: Mapping[str, int] = {
    **dict.fromkeys(("Untyped", "Byte", "Char", "Bool", "QInt8", "QUInt8"), 1),
    **dict.fromkeys(("Half", "BFloat16", "Short"), 2),
    **dict.fromkeys(("Float", "Int", "QInt32"), 4),
    **dict.fromkeys(("Double", "Long", "ComplexFloat"), 8),
    "ComplexDouble": 16,
}
