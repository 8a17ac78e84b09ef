"""Reading PyTorch's own files, which nothing but PyTorch can read."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import BinaryIO


def loader(name: str) -> Callable[[BinaryIO, int], Any]:
    """Return a function that reads a file with tensors into main memory.

    It reads nothing but tensors and plain containers, so that a file cannot
    run code, and takes the number of bytes that the tensors may come to.
    PyTorch is imported here, as it is needed for this alone.

    Args:
        name: The name of the file, for the error where there is no PyTorch.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Reading a PyTorch file needs PyTorch: `pip install torch`, or "
            "save the weights as a '.safetensors' or '.npz' file where it is "
            f"installed. Received: source={name!r}"
        ) from error

    def load(file: BinaryIO, limit: int) -> Any:
        content = torch.load(file, map_location="cpu", weights_only=True)
        for tensor in _tensors(content):
            held = tensor.untyped_storage().nbytes() // tensor.element_size()
            if tensor.numel() > held:  # the same numbers over and over
                raise ValueError(f"{held} numbers claim to be {tensor.numel()}")
            # Of less than float32 there will be a copy in that.
            limit -= tensor.numel() * max(tensor.element_size(), 4)
        if limit < 0:
            raise ValueError("Many tensors share what they hold.")
        return content

    return load


def _tensors(content: Any) -> Iterator[Any]:
    """Yield the tensors in nested containers, which may hold one another."""
    seen: set[int] = set()
    ahead = [content]
    while ahead:
        part = ahead.pop()
        if hasattr(part, "untyped_storage"):
            yield part
        elif isinstance(part, Mapping | list | tuple) and id(part) not in seen:
            seen.add(id(part))
            inner = part.values() if isinstance(part, Mapping) else part
            ahead.extend(inner)
