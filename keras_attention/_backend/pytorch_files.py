"""Reading of PyTorch files."""

from collections.abc import Callable
from typing import Any
from typing import BinaryIO


def loader(name: str) -> Callable[[BinaryIO], Any]:
    """Return a function that reads a file with tensors into main memory.

    It reads nothing but tensors and plain containers, so that a file cannot
    run code. PyTorch is imported here, as it is needed for this alone.

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

    def load(file: BinaryIO) -> Any:
        return torch.load(file, map_location="cpu", weights_only=True)

    return load


def describe(tensor: Any) -> tuple[str, str] | None:
    """Describe why a tensor cannot be converted to an array, and the cure.

    Return `None` for a dense tensor with numbers, and for other objects.
    """
    layout = str(getattr(tensor, "layout", "torch.strided"))
    if getattr(tensor, "is_nested", False):
        return "a nested tensor", "Save each of its tensors under its own name."
    if layout.startswith("torch.") and layout != "torch.strided":
        return (
            f"a tensor of layout {layout}",
            "Save `tensor.to_dense()` instead of a sparse tensor.",
        )
    if getattr(tensor, "is_meta", False):
        return (
            "a tensor of the device 'meta', which has no numbers",
            "Save the tensors after they were given numbers.",
        )
    if getattr(tensor, "is_quantized", False):
        return (
            f"a quantized tensor of dtype {tensor.dtype}",
            "Save `tensor.dequantize()` instead of a quantized tensor.",
        )
    return None
