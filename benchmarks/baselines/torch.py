"""All baselines in PyTorch."""

from benchmarks.baselines.fusion_torch import attentional_feature_fusion
from benchmarks.baselines.fusion_torch import (
    iterative_attentional_feature_fusion,
)
from benchmarks.baselines.fusion_torch import multi_scale_channel_attention
from benchmarks.baselines.fusion_torch import residual_attention
from benchmarks.baselines.fusion_torch import selective_kernel
from benchmarks.baselines.gates_torch import cbam
from benchmarks.baselines.gates_torch import channel_attention
from benchmarks.baselines.gates_torch import gated_channel_transform
from benchmarks.baselines.gates_torch import spatial_attention
from benchmarks.baselines.gates_torch import spatial_group_enhance
from benchmarks.baselines.gates_torch import squeeze_excite
from benchmarks.baselines.sampling_torch import SAMPLERS
from benchmarks.baselines.sampling_torch import conv_offset2d
from benchmarks.baselines.sampling_torch import deformable_conv2d
from benchmarks.baselines.sampling_torch import glimpse_network
from benchmarks.baselines.sampling_torch import glimpse_sensor
from benchmarks.baselines.sampling_torch import spatial_transformer
