"""JAX."""

from benchmarks.baselines.fusion_jax import attentional_feature_fusion
from benchmarks.baselines.fusion_jax import iterative_attentional_feature_fusion
from benchmarks.baselines.fusion_jax import multi_scale_channel_attention
from benchmarks.baselines.fusion_jax import residual_attention
from benchmarks.baselines.fusion_jax import selective_kernel
from benchmarks.baselines.gates_jax import cbam
from benchmarks.baselines.gates_jax import channel_attention
from benchmarks.baselines.gates_jax import gated_channel_transform
from benchmarks.baselines.gates_jax import spatial_attention
from benchmarks.baselines.gates_jax import spatial_group_enhance
from benchmarks.baselines.gates_jax import squeeze_excite
from benchmarks.baselines.sampling_jax import SAMPLERS
from benchmarks.baselines.sampling_jax import conv_offset2d
from benchmarks.baselines.sampling_jax import deformable_conv2d
from benchmarks.baselines.sampling_jax import glimpse_network
from benchmarks.baselines.sampling_jax import glimpse_sensor
from benchmarks.baselines.sampling_jax import spatial_transformer
