"""The layers under contract. A new layer adds its lines here."""

from contract.case import Case
from keras_attention import CBAM
from keras_attention import ChannelAttention
from keras_attention import GatedChannelTransform
from keras_attention import GlimpseNetwork
from keras_attention import GlimpseSensor
from keras_attention import RecurrentAttention
from keras_attention import SpatialAttention
from keras_attention import SpatialGroupEnhance
from keras_attention import SqueezeExcite

SIGNAL = ((3, 9, 16),)
IMAGE = ((3, 6, 7, 16),)
VOLUME = ((3, 4, 3, 5, 16),)

CASES = [
    Case(SqueezeExcite, {"reduction": 4}, IMAGE),
    Case(SqueezeExcite, {"reduction": 2, "use_bias": True}, SIGNAL),
    Case(
        SqueezeExcite,
        {
            "hidden_units": 5,
            "activation": "silu",
            "gate_activation": "hard_sigmoid",
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        VOLUME,
    ),
    Case(GatedChannelTransform, {"epsilon": 0.5}, IMAGE),
    Case(GatedChannelTransform, {"mode": "l1", "epsilon": 0.5}, SIGNAL),
    Case(GatedChannelTransform, {"mode": "l1", "after_relu": True}, VOLUME),
    Case(ChannelAttention, {"reduction": 4, "use_bias": False}, IMAGE),
    Case(
        ChannelAttention,
        {
            "hidden_units": 5,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l1",
        },
        SIGNAL,
    ),
    Case(SpatialAttention, {"kernel_size": 5}, IMAGE),
    Case(
        SpatialAttention,
        {
            "use_norm": True,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
    ),
    Case(CBAM, {"reduction": 4, "kernel_size": 5}, IMAGE),
    Case(
        CBAM,
        {
            "hidden_units": 5,
            "spatial_input": "refined",
            "spatial_norm": True,
            "use_bias": False,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
    ),
    Case(SpatialGroupEnhance, {"groups": 4, "epsilon": 0.5}, IMAGE),
    Case(SpatialGroupEnhance, {"groups": 16}, SIGNAL),
    Case(SpatialGroupEnhance, {"groups": 1}, VOLUME),
]

# What looks at places has no attention to return, and moves none of its axes of
# places to another layout: tests/hard/test_contract.py holds it to the promises
# that are left.
GLIMPSES = [
    Case(GlimpseSensor, {"glimpse_size": 4}, ((3, 9, 7, 2), (3, 2))),
    Case(
        GlimpseSensor,
        {"glimpse_size": 3, "num_scales": 3, "scale_factor": 3},
        ((3, 9, 7, 2), (3, 2)),
    ),
    Case(
        GlimpseNetwork,
        {
            "units": 5,
            "glimpse_units": 7,
            "location_units": 6,
            "glimpse_size": 4,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        ((3, 9, 7, 2), (3, 2)),
    ),
    Case(
        GlimpseNetwork,
        {"units": 8, "glimpse_size": 2, "num_scales": 2, "scale_factor": 3},
        ((3, 8, 11, 1), (3, 2)),
    ),
]

# A whole model: tests/hard/test_recurrent_attention.py says what it promises.
RECURRENT = [
    Case(
        RecurrentAttention,
        {
            "num_classes": 3,
            "units": 6,
            "num_glimpses": 2,
            "glimpse_units": 7,
            "location_units": 5,
            "glimpse_size": 3,
        },
        ((3, 9, 7, 2),),
    ),
    Case(
        RecurrentAttention,
        {
            "num_classes": 4,
            "units": 7,
            "num_glimpses": 4,
            "num_scales": 2,
            "scale_factor": 3,
            "glimpse_size": 2,
            "location_stddev": 0.2,
            "reinforce_weight": 0.1,
            "seed": 3,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        ((3, 9, 7, 2),),
    ),
    Case(
        RecurrentAttention,
        {"num_classes": 2, "monte_carlo_samples": 2},
        ((3, 9, 7, 2),),
    ),
]
