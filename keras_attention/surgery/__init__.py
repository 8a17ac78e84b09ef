"""Insertion of attention layers into existing networks."""

from keras_attention.surgery.attach import attach
from keras_attention.surgery.block_ends import block_ends
from keras_attention.surgery.branch_ends import branch_ends
from keras_attention.surgery.replace_add import replace_add
from keras_attention.surgery.stage_ends import stage_ends

__all__ = [
    "attach",
    "block_ends",
    "branch_ends",
    "replace_add",
    "stage_ends",
]
