"""Reading PyTorch's own files, which nothing but PyTorch can read."""

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
    return torch.load(file, map_location="cpu", weights_only=True)
