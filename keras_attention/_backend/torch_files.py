"""Reading PyTorch's own files, which nothing but PyTorch can read."""

import zipfile
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import BinaryIO


def load(file: BinaryIO) -> Any:
    """Return what PyTorch saved to a file, with tensors in main memory.

    Nothing but tensors and plain containers is read, so that a file cannot run
    code. PyTorch is imported here, as it is needed for this alone.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Reading a PyTorch file needs PyTorch: `pip install torch`, or "
            "save the weights as a '.safetensors' or '.npz' file where it is "
            f"installed. Received: source={file.name!r}"
        ) from error
    _check_sums(file)
    content = torch.load(file, map_location="cpu", weights_only=True)
    for tensor in _tensors(content):
        held = tensor.untyped_storage().nbytes() // tensor.element_size()
        if tensor.numel() > held:  # the same numbers over and over
            raise ValueError(f"{held} numbers claim to be {tensor.numel()}.")
    return content


def _check_sums(file: BinaryIO) -> None:
    """Refuse a damaged file: PyTorch does not look at the checksums."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            # PyTorch can be told to write none: all of them are zero then.
            if any(entry.CRC for entry in archive.infolist()):
                damaged = archive.testzip()
                if damaged is not None:
                    raise zipfile.BadZipFile(f"Bad CRC-32 for {damaged!r}")
    file.seek(0)


def _tensors(content: Any) -> Iterator[Any]:
    """Yield the tensors in nested containers."""
    if isinstance(content, Mapping):
        content = list(content.values())
    if isinstance(content, list | tuple):
        for part in content:
            yield from _tensors(part)
    elif hasattr(content, "untyped_storage"):
        yield content
