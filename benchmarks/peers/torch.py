"""PyTorch."""

from benchmarks.peers.gates_torch import cbam
from benchmarks.peers.gates_torch import channel_attention
from benchmarks.peers.gates_torch import gated_channel_transform
from benchmarks.peers.gates_torch import spatial_attention
from benchmarks.peers.gates_torch import spatial_group_enhance
from benchmarks.peers.gates_torch import squeeze_excite

__all__ = [
    "cbam",
    "channel_attention",
    "gated_channel_transform",
    "spatial_attention",
    "spatial_group_enhance",
    "squeeze_excite",
]
