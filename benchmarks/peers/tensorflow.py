"""TensorFlow."""

from benchmarks.peers.fusion_tensorflow import attentional_feature_fusion
from benchmarks.peers.fusion_tensorflow import (
    iterative_attentional_feature_fusion,
)
from benchmarks.peers.fusion_tensorflow import multi_scale_channel_attention
from benchmarks.peers.fusion_tensorflow import residual_attention
from benchmarks.peers.fusion_tensorflow import selective_kernel
from benchmarks.peers.gates_tensorflow import cbam
from benchmarks.peers.gates_tensorflow import channel_attention
from benchmarks.peers.gates_tensorflow import gated_channel_transform
from benchmarks.peers.gates_tensorflow import spatial_attention
from benchmarks.peers.gates_tensorflow import spatial_group_enhance
from benchmarks.peers.gates_tensorflow import squeeze_excite
from benchmarks.peers.sampling_tensorflow import SAMPLERS
from benchmarks.peers.sampling_tensorflow import conv_offset2d
from benchmarks.peers.sampling_tensorflow import deformable_conv2d
from benchmarks.peers.sampling_tensorflow import glimpse_network
from benchmarks.peers.sampling_tensorflow import glimpse_sensor
from benchmarks.peers.sampling_tensorflow import spatial_transformer
