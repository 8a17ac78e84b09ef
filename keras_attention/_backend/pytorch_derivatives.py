"""Forward-mode derivatives of PyTorch."""


def in_forward_mode() -> bool:
    """Return whether forward-mode derivatives are computed.

    A tensor cannot be asked: inside `torch.func.grad`, the tangent belongs to
    the tensor that it wraps. PyTorch has no public function for it, and
    compiles no forward mode.
    """
    # Imported here, as doctest imports each file on every backend.
    import torch

    level = torch.autograd.forward_ad._current_level
    return not torch.compiler.is_compiling() and level >= 0
