"""Attention layers of the vision literature for Keras 3, on every backend."""

from keras_attention import channel
from keras_attention import fusion
from keras_attention import hard
from keras_attention import mixed
from keras_attention import models as models
from keras_attention import ops as ops
from keras_attention import self_attention
from keras_attention import spatial
from keras_attention.channel import *
from keras_attention.checkpoints import export_reference_weights
from keras_attention.checkpoints import load_reference_weights
from keras_attention.fusion import *
from keras_attention.hard import *
from keras_attention.mixed import *
from keras_attention.registry import get
from keras_attention.registry import list_attentions
from keras_attention.self_attention import *
from keras_attention.spatial import *
from keras_attention.surgery import attach
from keras_attention.surgery import block_ends
from keras_attention.surgery import branch_ends
from keras_attention.surgery import replace_add
from keras_attention.surgery import stage_ends
from keras_attention.visualization import AttentionMonitor
from keras_attention.visualization import Card
from keras_attention.visualization import attention_maps
from keras_attention.visualization import grad_cam
from keras_attention.visualization import plot_attention

__all__ = [
    "AttentionMonitor",
    "Card",
    "attach",
    "attention_maps",
    "block_ends",
    "branch_ends",
    "export_reference_weights",
    "get",
    "grad_cam",
    "list_attentions",
    "load_reference_weights",
    "plot_attention",
    "replace_add",
    "stage_ends",
]
__all__ += channel.__all__
__all__ += fusion.__all__
__all__ += hard.__all__
__all__ += mixed.__all__
__all__ += self_attention.__all__
__all__ += spatial.__all__
__version__ = "0.1.0"
