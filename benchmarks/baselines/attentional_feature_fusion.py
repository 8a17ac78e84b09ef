"""Attentional feature fusion as hand-written code of each backend."""

from benchmarks.baselines import multi_scale_channel_attention as attention


def jax(w, x, residual, *, config, training):
    """Attentional feature fusion in JAX."""
    state = {}
    settings = config, training, state
    weights = attention.jax_weights(w, "", x + residual, *settings)
    return 2 * (residual + (x - residual) * weights), state


def tensorflow(w, x, residual, *, config, training):
    """Attentional feature fusion in TensorFlow."""
    settings = config, training
    weights = attention.tensorflow_weights(w, "", x + residual, *settings)
    return 2 * (residual + (x - residual) * weights)


def torch(w, x, residual, *, config, training):
    """Attentional feature fusion in PyTorch."""
    import torch

    settings = config, training
    weights = attention.torch_weights(w, "", x + residual, *settings)
    return 2 * torch.lerp(residual, x, weights)
