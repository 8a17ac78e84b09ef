"""Derivatives."""

import torch


def gradient(function, x):
    """Return the gradient at `x` of a function to numbers."""
    # Wherever it is called: this turns gradients on in `torch.no_grad` as well,
    # in which Keras predicts.
    with torch.inference_mode(False):
        leaf = x.detach().clone()
        try:
            leaf.requires_grad_()
        except RuntimeError:
            # A transform of `torch.func` allows none but its own.
            return torch.func.grad(function)(leaf)
        return torch.autograd.grad(function(leaf), leaf)[0]


def has_tangent(*tensors):
    """Return whether forward-mode derivatives are asked for of a tensor."""
    unpack = torch.autograd.forward_ad.unpack_dual
    # PyTorch compiles no forward mode, nor this question.
    return not torch.compiler.is_compiling() and any(
        unpack(x).tangent is not None for x in tensors
    )
