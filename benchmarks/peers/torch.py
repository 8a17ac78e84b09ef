"""PyTorch."""

from benchmarks.peers.fusion_torch import attentional_feature_fusion
from benchmarks.peers.fusion_torch import iterative_attentional_feature_fusion
from benchmarks.peers.fusion_torch import multi_scale_channel_attention
from benchmarks.peers.fusion_torch import residual_attention
from benchmarks.peers.fusion_torch import selective_kernel
from benchmarks.peers.gates_torch import cbam
from benchmarks.peers.gates_torch import channel_attention
from benchmarks.peers.gates_torch import gated_channel_transform
from benchmarks.peers.gates_torch import spatial_attention
from benchmarks.peers.gates_torch import spatial_group_enhance
from benchmarks.peers.gates_torch import squeeze_excite
from benchmarks.peers.sampling_torch import SAMPLERS
from benchmarks.peers.sampling_torch import conv_offset2d
from benchmarks.peers.sampling_torch import deformable_conv2d
from benchmarks.peers.sampling_torch import glimpse_network
from benchmarks.peers.sampling_torch import glimpse_sensor
from benchmarks.peers.sampling_torch import spatial_transformer
