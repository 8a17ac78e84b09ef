"""Iterative attentional feature fusion as code of each backend."""

from benchmarks.baselines import multi_scale_channel_attention as attention


def jax(w, x, residual, *, config, training):
    """Iterative attentional feature fusion in JAX."""
    state = {}
    settings = config, training, state
    weights = attention.jax_weights(w, "", x + residual, *settings)
    fused = residual + (x - residual) * weights
    weights = attention.jax_weights(w, "second_", fused, *settings)
    return residual + (x - residual) * weights, state


def tensorflow(w, x, residual, *, config, training):
    """Iterative attentional feature fusion in TensorFlow."""
    settings = config, training
    weights = attention.tensorflow_weights(w, "", x + residual, *settings)
    fused = residual + (x - residual) * weights
    weights = attention.tensorflow_weights(w, "second_", fused, *settings)
    return residual + (x - residual) * weights


def torch(w, x, residual, *, config, training):
    """Iterative attentional feature fusion in PyTorch."""
    import torch

    settings = config, training
    weights = attention.torch_weights(w, "", x + residual, *settings)
    fused = torch.lerp(residual, x, weights)
    weights = attention.torch_weights(w, "second_", fused, *settings)
    return torch.lerp(residual, x, weights)
