"""Attention in existing networks."""

from keras_attention.surgery.attach import attach
from keras_attention.surgery.blocks import blocks
from keras_attention.surgery.identity_start import IdentityStart
from keras_attention.surgery.replace_add import replace_add
from keras_attention.surgery.residual_branches import residual_branches
from keras_attention.surgery.stage_ends import stage_ends

__all__ = [
    "IdentityStart",
    "attach",
    "blocks",
    "replace_add",
    "residual_branches",
    "stage_ends",
]
