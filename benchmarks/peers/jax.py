"""JAX."""

from benchmarks.peers.gates_jax import cbam
from benchmarks.peers.gates_jax import channel_attention
from benchmarks.peers.gates_jax import gated_channel_transform
from benchmarks.peers.gates_jax import spatial_attention
from benchmarks.peers.gates_jax import spatial_group_enhance
from benchmarks.peers.gates_jax import squeeze_excite

__all__ = [
    "cbam",
    "channel_attention",
    "gated_channel_transform",
    "spatial_attention",
    "spatial_group_enhance",
    "squeeze_excite",
]
