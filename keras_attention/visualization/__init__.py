"""Attention maps, Grad-CAM and plots of them."""

from keras_attention.visualization.attention_maps import attention_maps
from keras_attention.visualization.attention_monitor import AttentionMonitor
from keras_attention.visualization.gradient_maps import gradient_maps
from keras_attention.visualization.plot_attention import plot_attention

__all__ = [
    "AttentionMonitor",
    "attention_maps",
    "gradient_maps",
    "plot_attention",
]
