"""CBAM as hand-written code: both gates are computed from the input."""

from benchmarks.baselines import channel_attention
from benchmarks.baselines import spatial_attention


def jax(w, x, *, config, training):
    """CBAM in JAX."""
    channel = channel_attention.jax_gate(w, x, config, "channel/")
    spatial = spatial_attention.jax_gate(w, x, config, "spatial/")
    return x * channel * spatial, {}


def tensorflow(w, x, *, config, training):
    """CBAM in TensorFlow."""
    channel = channel_attention.tensorflow_gate(w, x, config, "channel/")
    spatial = spatial_attention.tensorflow_gate(w, x, config, "spatial/")
    return x * channel * spatial


def torch(w, x, *, config, training):
    """CBAM in PyTorch."""
    channel = channel_attention.torch_gate(w, x, config, "channel/")
    spatial = spatial_attention.torch_gate(w, x, config, "spatial/")
    return x * channel * spatial
