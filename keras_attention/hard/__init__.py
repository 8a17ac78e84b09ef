"""Hard attention: what is not looked at is not computed either."""

from keras_attention.hard.dynamic_capacity_network import DynamicCapacityNetwork

__all__ = ["DynamicCapacityNetwork"]
