"""Layers by name."""

from keras_attention.registry.get import get
from keras_attention.registry.list_attentions import list_attentions

__all__ = ["get", "list_attentions"]
