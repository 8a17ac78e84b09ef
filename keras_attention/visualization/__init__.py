"""Attention maps, Grad-CAM heatmaps and their plots."""

from keras_attention._base.card import Card
from keras_attention.visualization.attention_maps import attention_maps
from keras_attention.visualization.attention_monitor import AttentionMonitor
from keras_attention.visualization.grad_cam import grad_cam
from keras_attention.visualization.plot_attention import plot_attention

__all__ = [
    "AttentionMonitor",
    "Card",
    "attention_maps",
    "grad_cam",
    "plot_attention",
]
