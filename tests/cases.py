"""The cases of the contract checks. A new layer adds its cases here."""

import keras

from contract.case import Case
from contract.case import LayerFactory
from contract.case import QueryCase
from contract.case import convolution
from keras_attention import BAM
from keras_attention import CBAM
from keras_attention import AttentionalFeatureFusion
from keras_attention import AttentionGate
from keras_attention import ChannelAttention
from keras_attention import ChannelSelfAttention
from keras_attention import ConvOffset2D
from keras_attention import CoordinateAttention
from keras_attention import CrissCrossAttention
from keras_attention import DeformableConv2D
from keras_attention import DeformableConv2DV3
from keras_attention import DeformableConv2DV4
from keras_attention import DoubleAttention
from keras_attention import DynamicCapacityNetwork
from keras_attention import EffectiveSqueezeExcite
from keras_attention import EfficientChannelAttention
from keras_attention import ExternalAttention
from keras_attention import GatedChannelTransform
from keras_attention import GatherExcite
from keras_attention import GaussianContext
from keras_attention import GlimpseNetwork
from keras_attention import GlimpseSensor
from keras_attention import GlobalContext
from keras_attention import GlobalResponseNorm
from keras_attention import IdentityStart
from keras_attention import IterativeAttentionalFeatureFusion
from keras_attention import LargeKernelAttention
from keras_attention import LinearContextTransform
from keras_attention import MultiScaleChannelAttention
from keras_attention import MultiScaleDeformableAttention
from keras_attention import NonLocal
from keras_attention import PolarizedSelfAttention
from keras_attention import PositionAttention
from keras_attention import RecurrentAttention
from keras_attention import ResidualAttention
from keras_attention import SelectiveKernel
from keras_attention import ShuffleAttention
from keras_attention import SimAM
from keras_attention import SpatialAttention
from keras_attention import SpatialChannelSqueezeExcite
from keras_attention import SpatialGroupEnhance
from keras_attention import SpatialTransformer
from keras_attention import SplitAttention
from keras_attention import SqueezeExcite
from keras_attention import StyleRecalibration
from keras_attention import TripletAttention

SIGNAL = ((3, 9, 16),)
IMAGE = ((3, 6, 7, 16),)
SMALL_IMAGE = ((2, 5, 4, 10),)
VOLUME = ((3, 4, 3, 5, 16),)

QUERIES = {
    "hidden_units": 5,
    "kernel_initializer": "glorot_uniform",
    "kernel_regularizer": "l2",
}
CONTEXT = {
    "hidden_units": 5,
    "kernel_initializer": "ones",
    "kernel_regularizer": "l2",
}


def _localization(data_format, dtype):
    """Return a small localization network with max pooling, for any size."""
    return keras.Sequential(
        [
            keras.Input(
                (None, None, 16)
                if data_format == "channels_last"
                else (16, None, None),
                dtype=keras.dtype_policies.get(dtype).compute_dtype,
            ),
            keras.layers.GlobalMaxPooling2D(data_format, dtype=dtype),
            keras.layers.Dense(
                2,
                activation="softsign",
                kernel_initializer=keras.initializers.GlorotUniform(seed=0),
                dtype=dtype,
                name="dense",
            ),
        ],
        name="localization",
    )


LOCALIZATION = LayerFactory("maxima", _localization)


def _inner(layer_cls, **kwargs):
    """Return an attention layer as an argument of another layer."""
    return LayerFactory(
        layer_cls.__name__,
        lambda data_format, dtype: layer_cls(
            **kwargs, data_format=data_format, dtype=dtype, name="inner"
        ),
    )


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
    Case(EfficientChannelAttention, {}, IMAGE),
    Case(
        EfficientChannelAttention,
        {
            "kernel_size": 5,
            "circular": True,
            "gate_activation": "hard_sigmoid",
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        SIGNAL,
    ),
    Case(EfficientChannelAttention, {"kernel_size": 1}, VOLUME),
    Case(EffectiveSqueezeExcite, {}, IMAGE),
    Case(
        EffectiveSqueezeExcite,
        {
            "gate_activation": "sigmoid",
            "use_bias": False,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        SIGNAL,
    ),
    Case(EffectiveSqueezeExcite, {"gate_activation": "tanh"}, VOLUME),
    *(
        Case(GlobalContext, kwargs, shapes, inert_weights=("mask/bias",))
        for kwargs, shapes in (
            ({"reduction": 4}, IMAGE),
            (
                {
                    "hidden_units": 5,
                    "fusion": "scale",
                    "kernel_initializer": "ones",
                    "kernel_regularizer": "l2",
                },
                SIGNAL,
            ),
            ({"reduction": 2, "fusion": "both", "epsilon": 0.5}, VOLUME),
        )
    ),
    Case(GlobalResponseNorm, {"epsilon": 0.5}, IMAGE),
    Case(GlobalResponseNorm, {}, SIGNAL),
    Case(GlobalResponseNorm, {"epsilon": 1e-2}, VOLUME),
    Case(StyleRecalibration, {"epsilon": 0.5}, IMAGE),
    Case(
        StyleRecalibration,
        {"kernel_initializer": "ones", "kernel_regularizer": "l2"},
        SIGNAL,
    ),
    Case(StyleRecalibration, {"epsilon": 0.1}, VOLUME),
    Case(GaussianContext, {"width": 0.5, "epsilon": 0.5}, IMAGE),
    Case(GaussianContext, {"width": 1.0}, SIGNAL),
    Case(GaussianContext, {"epsilon": 1e-2}, VOLUME),
    Case(LinearContextTransform, {"groups": 4, "epsilon": 0.5}, IMAGE),
    Case(LinearContextTransform, {"groups": 2}, SIGNAL),
    Case(LinearContextTransform, {"groups": 1, "epsilon": 1e-2}, VOLUME),
    Case(
        GatherExcite,
        {"extent": 2, "parametric": True, "excite": True, "reduction": 4},
        IMAGE,
    ),
    Case(GatherExcite, {"extent": 4}, IMAGE),
    Case(
        GatherExcite,
        {
            "excite": True,
            "hidden_units": 5,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
    ),
    Case(GatherExcite, {"parametric": True}, IMAGE, any_size=False),
    Case(GatherExcite, {"extent": 8, "parametric": True}, IMAGE),
    Case(
        AttentionGate,
        {"hidden_units": 5},
        ((3, 6, 7, 16), (3, 6, 7, 10)),
        idle_weights=("theta/bias", "phi/bias", "psi/bias"),
    ),
    Case(
        AttentionGate,
        {
            "grid": True,
            "kernel_initializer": "glorot_normal",
            "kernel_regularizer": "l2",
        },
        ((3, 6, 7, 16), (3, 4, 3, 10)),
        idle_weights=("out/bias",),
    ),
    Case(
        AttentionGate,
        {"grid": True, "hidden_units": 3},
        ((3, 9, 16), (3, 5, 10)),
        idle_weights=("out/bias",),
    ),
    Case(LargeKernelAttention, {"kernel_size": 3}, IMAGE),
    Case(
        LargeKernelAttention,
        {
            "dilated_kernel_size": 4,
            "dilation_rate": 2,
            "use_bias": False,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
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
    *(
        Case(
            BAM,
            kwargs,
            IMAGE,
            idle_weights=(
                "squeeze/bias",
                "reduce/bias",
                "dilated_0/bias",
                "dilated_1/bias",
            ),
        )
        for kwargs in (
            {"reduction": 4},
            {
                "hidden_units": 5,
                "dilation_rate": 2,
                "combine": "add",
                "kernel_initializer": "ones",
                "kernel_regularizer": "l2",
            },
        )
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
    Case(
        ResidualAttention,
        {
            "depth": 1,
            "trunk": 1,
            "mask_activation": "channel",
            "residual": False,
            "align_corners": True,
            "reduction": 1,
        },
        SMALL_IMAGE,
    ),
    Case(
        ResidualAttention,
        {
            "depth": 1,
            "preprocessing": 2,
            "trunk": 1,
            "mask": 2,
            "mask_activation": "spatial",
            "hidden_units": 6,
            "groups": 2,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        SMALL_IMAGE,
        # Gradient of a normalization's beta: the error under XLA is 1.4e-5,
        # eager 0.3e-5.
        rounding=3e-5,
    ),
    Case(
        ResidualAttention,
        {
            "depth": 1,
            "trunk": 1,
            "mask_activation": "tanh",
            "preactivation": False,
            "reduction": 2,
        },
        SMALL_IMAGE,
    ),
    Case(
        CoordinateAttention,
        {"reduction": 4, "min_units": 2},
        IMAGE,
        idle_weights=("reduce/bias",),
    ),
    Case(
        CoordinateAttention,
        {
            "hidden_units": 5,
            "activation": "silu",
            "use_bias": False,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
    ),
    Case(ShuffleAttention, {"groups": 4, "epsilon": 0.5}, IMAGE),
    Case(ShuffleAttention, {"groups": 1}, IMAGE),
    *(
        Case(
            DoubleAttention,
            kwargs,
            shapes,
            attention_channels=None,
            inert_weights=("gather/bias",),
        )
        for kwargs, shapes in (
            ({}, IMAGE),
            ({"reduction": 2, "residual": False}, SIGNAL),
            (
                {
                    "hidden_units": 5,
                    "attention_units": 3,
                    "kernel_initializer": "glorot_uniform",
                    "kernel_regularizer": "l2",
                },
                VOLUME,
            ),
        )
    ),
    *(
        Case(ChannelSelfAttention, {}, shapes, attention_channels=None)
        for shapes in (SIGNAL, IMAGE, VOLUME)
    ),
    *(
        Case(
            layer_cls,
            kwargs,
            shapes,
            attention_channels=None,
            inert_weights=("key/bias",),
            # Rounding of large products changes their softmax.
            weight_scale=0.1,
        )
        for layer_cls, kwargs, shapes in (
            (PositionAttention, {}, IMAGE),
            (PositionAttention, {"reduction": 3}, SIGNAL),
            (PositionAttention, QUERIES, VOLUME),
            (CrissCrossAttention, {}, IMAGE),
            (CrissCrossAttention, {"reduction": 3, "recurrence": 1}, IMAGE),
            (CrissCrossAttention, QUERIES | {"recurrence": 3}, SMALL_IMAGE),
        )
    ),
    *(
        Case(
            NonLocal,
            kwargs,
            shapes,
            attention_channels=None,
            weight_scale=0.1,
            **weights,
        )
        for kwargs, shapes, weights in (
            (
                {"use_norm": True},
                IMAGE,
                {
                    "inert_weights": ("key/bias",),
                    "idle_weights": ("value/bias", "expand/bias"),
                },
            ),
            (
                {"scale": False, "pool_size": 2},
                IMAGE,
                {"inert_weights": ("key/bias",)},
            ),
            ({"mode": "gaussian", "reduction": 3}, SIGNAL, {}),
            (QUERIES | {"mode": "dot_product"}, VOLUME, {}),
            (
                QUERIES | {"mode": "concatenation", "pool_size": 3},
                VOLUME,
                {},
            ),
        )
    ),
    *(
        Case(
            ExternalAttention,
            kwargs,
            shapes,
            attention_channels=None,
            inert_weights=("project/bias",),
        )
        for kwargs, shapes in (
            ({}, IMAGE),
            ({"units": 6, "use_projection": False}, SIGNAL),
            (
                {
                    "units": 5,
                    "epsilon": 0.5,
                    "kernel_initializer": "ones",
                    "kernel_regularizer": "l2",
                },
                VOLUME,
            ),
        )
    ),
    Case(PolarizedSelfAttention, {}, IMAGE),
    Case(
        PolarizedSelfAttention,
        {
            "mode": "sequential",
            # With ones, layer normalization would return zeros.
            "kernel_initializer": "glorot_uniform",
            "kernel_regularizer": "l2",
        },
        ((3, 5, 4, 40),),
    ),
    Case(SimAM, {"regularization": 0.5}, IMAGE),
    Case(SimAM, {}, SIGNAL),
    Case(SimAM, {"regularization": 0.1}, VOLUME),
    Case(SpatialChannelSqueezeExcite, {"reduction": 4}, IMAGE),
    Case(
        SpatialChannelSqueezeExcite,
        {
            "hidden_units": 5,
            "combine": "max",
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
    ),
    Case(TripletAttention, {"kernel_size": 4}, IMAGE),
    Case(
        TripletAttention,
        {
            "use_spatial": False,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
    ),
    Case(SpatialGroupEnhance, {"groups": 4, "epsilon": 0.5}, IMAGE),
    Case(SpatialGroupEnhance, {"groups": 16}, SIGNAL),
    Case(SpatialGroupEnhance, {"groups": 1}, VOLUME),
    *(
        Case(*lines, idle_weights=("reduce/bias", "expand/bias"))
        for lines in (
            (MultiScaleChannelAttention, {"reduction": 2}, IMAGE),
            (MultiScaleChannelAttention, CONTEXT, VOLUME),
            (AttentionalFeatureFusion, {"reduction": 2}, IMAGE * 2),
            (AttentionalFeatureFusion, CONTEXT, SIGNAL * 2),
            (IterativeAttentionalFeatureFusion, {"reduction": 2}, IMAGE * 2),
            (
                IterativeAttentionalFeatureFusion,
                {"share_global": True, **CONTEXT},
                SIGNAL * 2,
            ),
        )
    ),
    *(
        Case(
            SelectiveKernel,
            kwargs,
            IMAGE,
            attention_channels=None,
            idle_weights=("path_0/bias", "path_1/bias", "squeeze/bias"),
        )
        for kwargs in (
            {"filters": 8, "groups": 2, "min_units": 4},
            {
                "filters": 6,
                "paths": 4,
                "strides": 2,
                "split_input": True,
                "use_bias": False,
                "reduction": 2,
                "min_units": 2,
            },
            {
                "filters": 4,
                "kernel_size": 2,
                "hidden_units": 5,
                "kernel_initializer": "ones",
                "kernel_regularizer": "l2",
            },
        )
    ),
    *(
        Case(
            SplitAttention,
            kwargs,
            IMAGE,
            attention_channels=None,
            idle_weights=("squeeze/bias",),
        )
        for kwargs in (
            {"filters": 8, "groups": 2, "min_units": 4},
            {
                "filters": 6,
                "radix": 1,
                "strides": 2,
                "dilation_rate": 2,
                "reduction": 2,
                "min_units": 2,
            },
            {
                "filters": 4,
                "radix": 4,
                "kernel_size": 2,
                "hidden_units": 5,
                "kernel_initializer": "ones",
                "kernel_regularizer": "l2",
            },
        )
    ),
    Case(
        SpatialTransformer,
        {
            "localization": LOCALIZATION,
            "padding_mode": "border",
            "align_corners": False,
        },
        IMAGE,
        attention_channels=None,
    ),
    Case(
        SpatialTransformer,
        {
            "localization": LOCALIZATION,
            "transform": "attention",
            "output_size": (5, 4),
            "interpolation": "bicubic",
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
        attention_channels=None,
    ),
    Case(
        SpatialTransformer,
        {
            "localization": LOCALIZATION,
            "transform": "translation",
            "padding_mode": "reflection",
        },
        IMAGE,
        attention_channels=None,
    ),
    Case(
        SpatialTransformer,
        {"localization": LOCALIZATION, "transform": "projective"},
        IMAGE,
        attention_channels=None,
        weight_scale=0.1,  # no location is close to where the grid is infinite
    ),
    Case(
        SpatialTransformer,
        {
            "localization": LOCALIZATION,
            "transform": "tps",
            "control_points": 3,
        },
        IMAGE,
        attention_channels=None,
    ),
    Case(DeformableConv2D, {"filters": 6}, IMAGE),
    Case(
        DeformableConv2D,
        {
            "filters": 8,
            "kernel_size": (3, 2),
            "strides": (2, 1),
            "padding": (1, 2),
            "groups": 2,
            "offset_groups": 4,
            "modulated": False,
            "max_offset": 0.15,
            "use_bias": False,
            "activation": "silu",
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
    ),
    Case(
        DeformableConv2D,
        {
            "filters": 4,
            "kernel_size": (2, 3),
            "strides": 2,
            "dilation_rate": (1, 2),
            "offset_groups": 2,
            "max_offset": 0.2,
        },
        IMAGE,
    ),
    Case(DeformableConv2DV3, {"groups": 2}, IMAGE),
    Case(
        DeformableConv2DV3,
        {
            "kernel_size": (3, 1),
            "strides": (2, 1),
            "padding": (2, 1),
            "dilation_rate": (2, 1),
            "offset_scale": 1.5,
            "depthwise_kernel_size": 5,
            "center_feature_scale": True,
            "remove_center": True,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
    ),
    Case(
        DeformableConv2DV3,
        {
            "kernel_size": 5,
            "padding": (2, 3),
            "depthwise_kernel_size": 3,
            "center_feature_scale": True,
        },
        IMAGE,
    ),
    Case(DeformableConv2DV4, {"groups": 2}, IMAGE),
    Case(
        DeformableConv2DV4,
        {
            "kernel_size": (1, 3),
            "strides": 2,
            "padding": (1, 2),
            "dilation_rate": 2,
            "offset_scale": 0.5,
            "depthwise_kernel_size": 3,
            "center_feature_scale": True,
            "remove_center": True,
            "output_bias": False,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
    ),
    Case(
        DeformableConv2DV4,
        {
            "padding": (2, 3),
            "center_feature_scale": True,
            "pointwise": False,
        },
        IMAGE,
    ),
    Case(ConvOffset2D, {}, IMAGE, attention_channels=-2),
    Case(
        ConvOffset2D,
        {
            "kernel_size": 5,
            "offset_layout": "scrambled",
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        IMAGE,
        attention_channels=-2,
        # Offsets of a few pixels: rounding grows with them.
        weight_scale=0.2,
    ),
    Case(IdentityStart, {"layer": _inner(SqueezeExcite, reduction=4)}, IMAGE),
    Case(
        IdentityStart,
        {"layer": _inner(GatedChannelTransform, epsilon=0.5)},
        SIGNAL,
    ),
    Case(
        IdentityStart,
        {"layer": _inner(CBAM, spatial_norm=True)},
        IMAGE,
    ),
]

# Layers with locations as an input.
GLIMPSES = [
    Case(
        GlimpseSensor,
        {"glimpse_size": 4},
        ((3, 9, 7, 2), (3, 2)),
        idle_inputs=(1,),
    ),
    Case(
        GlimpseSensor,
        {"glimpse_size": 3, "num_scales": 3, "scale_factor": 3},
        ((3, 9, 7, 2), (3, 2)),
        idle_inputs=(1,),
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

# A whole model.
RECURRENT = [
    Case(
        RecurrentAttention,
        {
            "num_classes": 3,
            "units": 6,
            "num_glimpses": 3,
            "glimpse_units": 7,
            "location_units": 5,
            "locator_units": 0,
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
        {
            "num_classes": 2,
            "units": 8,
            "monte_carlo_samples": 2,
            "locator_units": 3,
            "start": "uniform",
            "glimpse_units": 6,
            "location_units": 5,
            "glimpse_size": 3,
        },
        ((3, 9, 7, 2),),
    ),
]


def _convolution(name, filters, size, strides=1):
    return LayerFactory(
        name,
        lambda data_format, dtype: convolution(
            filters,
            size,
            strides,
            activation="silu",
            data_format=data_format,
            dtype=dtype,
            name=name,
        ),
    )


def _top(data_format, dtype):
    """Return a small classifier of maps that distinguishes all positions."""
    return keras.Sequential(
        [
            _convolution("conv", 3, 2).make(data_format, dtype),
            keras.layers.GlobalAveragePooling2D(data_format, dtype=dtype),
            keras.layers.Dense(5, "softmax", dtype=dtype, name="dense"),
        ],
        name="top",
    )


# A whole model.
DYNAMIC = [
    Case(
        DynamicCapacityNetwork,
        {
            "coarse": _convolution("coarse", 4, 3, 2),
            "fine": _convolution("fine", 4, 3),
            "top": LayerFactory("top", _top),
            "num_patches": 2,
            "patch_size": 3,
            "patch_stride": 2,
        },
        ((3, 9, 7, 2),),
        attention_channels=None,
    ),
    Case(
        DynamicCapacityNetwork,
        {
            "coarse": _convolution("coarse", 4, 3, (2, 1)),
            "fine": _convolution("fine", 4, (5, 4)),
            "top": LayerFactory("top", _top),
            "num_patches": 7,
            "patch_size": (5, 4),
            "patch_stride": (2, 1),
            "patch_offset": (-2, 1),
            "hint_weight": 0.5,
        },
        ((3, 9, 7, 2),),
        attention_channels=None,
    ),
]

# Layers of queries, lists of maps, and reference points.
POINTS = [
    QueryCase(
        MultiScaleDeformableAttention,
        {"num_heads": 4, "num_points": 3, "dropout": 0.5},
        ((3, 5, 16), [(3, 6, 7, 16), (3, 4, 3, 16)], (3, 5, 2, 2)),
        attention_channels=None,
    ),
    QueryCase(
        MultiScaleDeformableAttention,
        {
            "num_heads": 2,
            "num_points": 2,
            "hidden_units": 6,
            "dropout": 0.0,
            "kernel_initializer": "ones",
            "kernel_regularizer": "l2",
        },
        ((3, 7, 10), [(3, 6, 5, 10)], (3, 7, 1, 4)),
        attention_channels=None,
    ),
]

EVERYTHING = CASES + GLIMPSES + RECURRENT + DYNAMIC + POINTS
