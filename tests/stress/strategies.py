"""Strategies: the arguments and input shapes of each layer and function.

A strategy is a function under `@strategy` that generates the arguments and
shapes of one layer. Sizes come from `Sizes`. JAX compiles for each size, so the
default run on JAX selects from few sizes (`NARROW`).
"""

import dataclasses
import functools

from hypothesis import strategies as st

import keras_attention as ka
from cases import CASES
from cases import _convolution
from cases import _inner
from cases import _top
from contract.case import LAYOUTS
from contract.case import Case
from contract.case import LayerFactory
from keras_attention import _cards
from stress import functions
from stress.generated import GeneratedCase

STRATEGIES = {}
# The undecorated functions: `tests/parity` calls them with another `pick`.
CHOICES = {}


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The sizes that strategies select from."""

    batch: tuple = (1, 2, 3)
    space: tuple = (1, 2, 3, 4, 5, 6, 7, 9)
    channels_per_group: tuple = (1, 2, 3, 4, 5)
    ranks: tuple = (1, 2, 3)


WIDE = Sizes()
NARROW = Sizes(batch=(2,), space=(4, 5), channels_per_group=(2,), ranks=(2,))


def strategy(make):
    """Register a strategy by the name of its layer or function."""

    @functools.wraps(make)
    @st.composite
    def compose(draw, sizes):
        pick = functools.partial(choose, draw)
        generated = make(pick, sizes)
        return dataclasses.replace(
            generated,
            layout=pick(*LAYOUTS),
            seed=draw(st.integers(0, 2**31), label="seed"),
        )

    CHOICES[make.__name__] = make
    STRATEGIES[make.__name__] = compose
    return make


def choose(draw, *values):
    return draw(st.sampled_from(values))


def generated_case(layer_cls, kwargs, *shapes, **options):
    """Return a case whose data format and seed are set by `compose`."""
    fields = {f.name for f in dataclasses.fields(Case)} & options.keys()
    case = Case(
        layer_cls,
        kwargs,
        shapes,
        **{name: options.pop(name) for name in fields},
    )
    return GeneratedCase(case, "", 0, **options)


def a_map(pick, sizes, channels, rank=2):
    spatial = [pick(*sizes.space) for _ in range(rank)]
    return (pick(*sizes.batch), *spatial, channels)


def bottleneck(pick):
    if pick(True, False):
        return {"reduction": pick(1, 2, 4)}
    return {"hidden_units": pick(1, 3, 5)}


@strategy
def SqueezeExcite(pick, sizes):
    kwargs = bottleneck(pick) | {
        "activation": pick("relu", "silu", "tanh"),
        "gate_activation": pick("sigmoid", "hard_sigmoid", "softsign"),
        "use_bias": pick(True, False),
    }
    channels = 4 * pick(*sizes.channels_per_group)
    shape = a_map(pick, sizes, channels, pick(*sizes.ranks))
    return generated_case(ka.SqueezeExcite, kwargs, shape)


@strategy
def GatedChannelTransform(pick, sizes):
    kwargs = {
        "mode": pick("l1", "l2"),
        "epsilon": pick(1e-5, 1e-3, 0.5),
        "after_relu": pick(False, True),
    }
    shape = a_map(
        pick, sizes, pick(*sizes.channels_per_group), pick(*sizes.ranks)
    )
    return generated_case(ka.GatedChannelTransform, kwargs, shape)


@strategy
def ChannelAttention(pick, sizes):
    kwargs = bottleneck(pick) | {"use_bias": pick(True, False)}
    shape = a_map(
        pick, sizes, 4 * pick(*sizes.channels_per_group), pick(*sizes.ranks)
    )
    return generated_case(ka.ChannelAttention, kwargs, shape)


@strategy
def SpatialAttention(pick, sizes):
    kwargs = {
        "kernel_size": pick(1, 2, 3, 4, 5, 7),
        "use_norm": pick(True, False),
    }
    shape = a_map(pick, sizes, pick(*sizes.channels_per_group))
    return generated_case(ka.SpatialAttention, kwargs, shape)


@strategy
def CBAM(pick, sizes):
    kwargs = bottleneck(pick) | {
        "kernel_size": pick(1, 2, 3, 4, 5, 7),
        "spatial_input": pick("original", "refined"),
        "spatial_norm": pick(True, False),
        "use_bias": pick(True, False),
    }
    shape = a_map(pick, sizes, 4 * pick(*sizes.channels_per_group))
    return generated_case(ka.CBAM, kwargs, shape)


@strategy
def SpatialGroupEnhance(pick, sizes):
    groups = pick(1, 2, 3, 4)
    kwargs = {"groups": groups, "epsilon": pick(1e-5, 1e-2, 0.5)}
    channels = groups * pick(*sizes.channels_per_group)
    shape = a_map(pick, sizes, channels, pick(*sizes.ranks))
    return generated_case(ka.SpatialGroupEnhance, kwargs, shape)


@strategy
def ResidualAttention(pick, sizes):
    groups = pick(1, 2)
    activation = pick("mixed", "channel", "spatial", "tanh")
    if activation == "spatial" and sizes is WIDE:
        # The standard deviation of one value is zero.
        sizes = dataclasses.replace(sizes, space=(4, 5, 7))
    kwargs = {
        "depth": pick(1, 2, 3) if sizes is WIDE else 1,
        "preprocessing": pick(1, 2) if sizes is WIDE else 1,
        "trunk": pick(1, 2) if sizes is WIDE else 1,
        "mask": pick(1, 2) if sizes is WIDE else 1,
        "mask_activation": activation,
        "residual": pick(True, False),
        "align_corners": pick(True, False),
        "preactivation": pick(True, False),
        "groups": groups,
    }
    channels = 2 * pick(*sizes.channels_per_group)
    if pick(True, False):
        kwargs["hidden_units"] = groups * pick(1, 2, 3)
    else:
        kwargs["reduction"] = pick(1, 2)
        channels *= groups  # `groups` must divide the reduced channels
    shape = a_map(pick, sizes, channels)
    return generated_case(
        ka.ResidualAttention,
        kwargs,
        shape,
        weight_scale=0.3,
        # The division by a small standard deviation amplifies errors.
        tolerance_factor=100 if activation == "spatial" else 10,
    )


@strategy
def MultiScaleChannelAttention(pick, sizes):
    shape = a_map(
        pick, sizes, 4 * pick(*sizes.channels_per_group), pick(*sizes.ranks)
    )
    return generated_case(
        ka.MultiScaleChannelAttention, bottleneck(pick), shape
    )


@strategy
def AttentionalFeatureFusion(pick, sizes):
    shape = a_map(
        pick, sizes, 4 * pick(*sizes.channels_per_group), pick(*sizes.ranks)
    )
    layer_cls = ka.AttentionalFeatureFusion
    kinds = ("map", "map")
    return generated_case(
        layer_cls, bottleneck(pick), shape, shape, kinds=kinds
    )


@strategy
def IterativeAttentionalFeatureFusion(pick, sizes):
    kwargs = bottleneck(pick) | {"share_global": pick(True, False)}
    shape = a_map(
        pick, sizes, 4 * pick(*sizes.channels_per_group), pick(*sizes.ranks)
    )
    layer_cls = ka.IterativeAttentionalFeatureFusion
    return generated_case(layer_cls, kwargs, shape, shape, kinds=("map", "map"))


@strategy
def SelectiveKernel(pick, sizes):
    groups, paths = pick(1, 2, 3), pick(1, 2, 3, 4)
    split = pick(True, False)
    kwargs = {
        "filters": groups * pick(*sizes.channels_per_group),
        "paths": paths,
        "kernel_size": pick(1, 2, 3, 4),
        "strides": pick(1, 2, 3),
        "groups": groups,
        "split_input": split,
        "use_bias": pick(True, False),
        "min_units": pick(1, 4),
        "reduction": pick(1, 2),
        "hidden_units": pick(None, 1, 5),
    }
    channels = groups * pick(1, 2) * (paths if split else 1)
    shape = a_map(pick, sizes, channels)
    return generated_case(ka.SelectiveKernel, kwargs, shape, resamples=True)


@strategy
def ChannelSelfAttention(pick, sizes):
    shape = a_map(
        pick, sizes, pick(*sizes.channels_per_group), pick(*sizes.ranks)
    )
    return generated_case(ka.ChannelSelfAttention, {}, shape)


@strategy
def PositionAttention(pick, sizes):
    shape = a_map(
        pick, sizes, 4 * pick(*sizes.channels_per_group), pick(*sizes.ranks)
    )
    return generated_case(ka.PositionAttention, bottleneck(pick), shape)


@strategy
def NonLocal(pick, sizes):
    kwargs = bottleneck(pick) | {
        "mode": pick(
            "embedded_gaussian", "gaussian", "dot_product", "concatenation"
        ),
        "scale": pick(True, False),
        "pool_size": pick(1, 2, 3),
        "use_norm": pick(False, True),
    }
    shape = a_map(
        pick, sizes, 2 * pick(*sizes.channels_per_group), pick(*sizes.ranks)
    )
    return generated_case(ka.NonLocal, kwargs, shape)


@strategy
def CrissCrossAttention(pick, sizes):
    kwargs = bottleneck(pick) | {"recurrence": pick(1, 2, 3)}
    shape = a_map(pick, sizes, 4 * pick(*sizes.channels_per_group))
    return generated_case(ka.CrissCrossAttention, kwargs, shape)


@strategy
def ExternalAttention(pick, sizes):
    kwargs = {
        "units": pick(1, 3, 8),
        "epsilon": pick(1e-9, 1e-3, 0.5),
        "use_projection": pick(True, False),
    }
    shape = a_map(
        pick, sizes, 2 * pick(*sizes.channels_per_group), pick(*sizes.ranks)
    )
    return generated_case(ka.ExternalAttention, kwargs, shape)


@strategy
def DoubleAttention(pick, sizes):
    kwargs = {
        "reduction": pick(1, 2, 4),
        "hidden_units": pick(None, 1, 3, 5),
        "attention_units": pick(None, 1, 3, 5),
        "residual": pick(True, False),
    }
    channels = 4 * pick(*sizes.channels_per_group)
    shape = a_map(pick, sizes, channels, pick(*sizes.ranks))
    return generated_case(ka.DoubleAttention, kwargs, shape)


@strategy
def SplitAttention(pick, sizes):
    groups, radix = pick(1, 2, 3), pick(1, 2, 3, 4)
    kwargs = {
        "filters": groups * pick(*sizes.channels_per_group),
        "radix": radix,
        "groups": groups,
        "kernel_size": pick(1, 2, 3, 4),
        "strides": pick(1, 2, 3),
        "dilation_rate": pick(1, 2, 3),
        "reduction": pick(1, 2),
        "hidden_units": groups * pick(1, 5),
    }
    if pick(True, False):
        kwargs |= {"hidden_units": None, "min_units": 60}
    channels = groups * radix * pick(1, 2)
    shape = a_map(pick, sizes, channels)
    return generated_case(ka.SplitAttention, kwargs, shape, resamples=True)


@strategy
def AttentionGate(pick, sizes):
    grid = pick(True, False)
    kwargs = {"grid": grid, "hidden_units": pick(None, 1, 5)}
    x = a_map(pick, sizes, pick(*sizes.channels_per_group), pick(*sizes.ranks))
    gating = (*x[:-1], pick(*sizes.channels_per_group))
    if grid:
        space = (pick(*sizes.space) for _ in x[1:-1])
        gating = (x[0], *space, gating[-1])
    return generated_case(
        ka.AttentionGate, kwargs, x, gating, kinds=("map", "map")
    )


def _localization(channels):
    """Return the network of tests/cases.py for other numbers of channels."""
    import keras

    def make(data_format, dtype):
        shape = (None, None, channels)
        if data_format == "channels_first":
            shape = (channels, None, None)
        own = keras.dtype_policies.get(dtype)
        return keras.Sequential(
            [
                keras.Input(shape, dtype=own.compute_dtype),
                keras.layers.GlobalMaxPooling2D(data_format, dtype=dtype),
                keras.layers.Dense(
                    2, activation="softsign", dtype=dtype, name="dense"
                ),
            ],
            name="localization",
        )

    return LayerFactory("maxima", make)


@strategy
def SpatialTransformer(pick, sizes):
    channels = pick(*sizes.channels_per_group)
    transform = pick("affine", "attention", "translation", "projective", "tps")
    interpolation = pick("bilinear", "bicubic", "nearest")
    kwargs = {
        "localization": _localization(channels),
        "transform": transform,
        "output_size": pick(None, (1, 1), (3, 5), 4),
        "interpolation": interpolation,
        "padding_mode": pick("zeros", "border", "reflection"),
        "align_corners": pick(True, False),
        "control_points": pick(2, 3, 4),
    }
    return generated_case(
        ka.SpatialTransformer,
        kwargs,
        a_map(pick, sizes, channels),
        weight_scale=0.1 if transform == "projective" else 0.5,
        discontinuous=interpolation == "nearest",
        resamples=True,
    )


def windows(pick):
    return {
        "strides": (pick(1, 2, 3), pick(1, 2)),
        "padding": pick("same", "same", "valid", (1, 2), (4, 4), 3),
        "dilation_rate": (pick(1, 1, 2), pick(1, 1, 2, 3)),
    }


@strategy
def DeformableConv2D(pick, sizes):
    groups, offset_groups = pick(1, 2, 3), pick(1, 2, 3)
    kwargs = windows(pick) | {
        "filters": groups * pick(*sizes.channels_per_group),
        "kernel_size": (pick(1, 2, 3, 4), pick(1, 2, 3, 5)),
        "groups": groups,
        "offset_groups": offset_groups,
        "modulated": pick(True, False),
        "max_offset": pick(None, 0.2),
        "use_bias": pick(True, False),
        "activation": pick(None, "silu"),
    }
    shape = a_map(pick, sizes, groups * offset_groups * pick(1, 2))
    return generated_case(ka.DeformableConv2D, kwargs, shape, resamples=True)


def grouped_windows(pick, sizes):
    """Return arguments of deformable convolutions v3 and v4, and a shape."""
    kernel_size = (pick(1, 3, 5), pick(1, 3))
    groups = pick(1, 2, 3)
    kwargs = windows(pick) | {
        "kernel_size": kernel_size,
        "groups": groups,
        "offset_scale": pick(0.5, 1.0, 2.0),
        "depthwise_kernel_size": pick(None, 1, 3, (5, 3)),
        "center_feature_scale": pick(True, False),
        "remove_center": kernel_size != (1, 1) and pick(True, False),
    }
    return kwargs, a_map(pick, sizes, groups * pick(1, 2, 3))


@strategy
def DeformableConv2DV3(pick, sizes):
    kwargs, shape = grouped_windows(pick, sizes)
    return generated_case(ka.DeformableConv2DV3, kwargs, shape, resamples=True)


@strategy
def DeformableConv2DV4(pick, sizes):
    kwargs, shape = grouped_windows(pick, sizes)
    kwargs |= {
        "output_bias": pick(True, False),
        "pointwise": pick(True, False),
    }
    return generated_case(ka.DeformableConv2DV4, kwargs, shape, resamples=True)


@strategy
def ConvOffset2D(pick, sizes):
    kwargs = {
        "kernel_size": pick(1, 2, 3, 4, 5),
        "offset_layout": pick("paired", "scrambled"),
    }
    shape = a_map(pick, sizes, pick(*sizes.channels_per_group))
    return generated_case(ka.ConvOffset2D, kwargs, shape, resamples=True)


@strategy
def IdentityStart(pick, sizes):
    inner = pick(
        _inner(ka.SqueezeExcite, reduction=2),
        _inner(ka.GatedChannelTransform, mode="l1"),
        _inner(ka.CBAM, kernel_size=3),
        _inner(ka.ChannelAttention, reduction=2),
        _inner(ka.SpatialAttention, kernel_size=2, use_norm=True),
        _inner(ka.SpatialGroupEnhance, groups=2),
        _inner(ka.MultiScaleChannelAttention, reduction=2),
        _inner(ka.ConvOffset2D),
    )
    shape = a_map(pick, sizes, 2 * pick(*sizes.channels_per_group))
    return generated_case(ka.IdentityStart, {"layer": inner}, shape)


def retina(pick):
    return {
        "glimpse_size": pick(1, 2, 3, 5),
        "num_scales": pick(1, 2, 3),
        "scale_factor": pick(1, 2, 3),
    }


@strategy
def GlimpseSensor(pick, sizes):
    shape = a_map(pick, sizes, pick(*sizes.channels_per_group))
    return generated_case(
        ka.GlimpseSensor,
        retina(pick),
        shape,
        (shape[0], 2),
        kinds=("map", "location"),
        discontinuous=True,
        resamples=True,
        gradients=False,
    )


@strategy
def GlimpseNetwork(pick, sizes):
    shape = a_map(pick, sizes, pick(*sizes.channels_per_group))
    kwargs = retina(pick) | {
        "units": pick(1, 4),
        "glimpse_units": pick(1, 5),
        "location_units": pick(1, 3),
    }
    return generated_case(
        ka.GlimpseNetwork,
        kwargs,
        shape,
        (shape[0], 2),
        kinds=("map", "location"),
        discontinuous=True,
        resamples=True,
    )


@strategy
def RecurrentAttention(pick, sizes):
    kwargs = retina(pick) | {
        "num_classes": pick(2, 5),
        "units": pick(1, 6),
        "num_glimpses": pick(1, 2, 4),
        "glimpse_units": pick(1, 5),
        "location_units": pick(1, 3),
        "locator_units": pick(None, 0, 3),
        # Arguments without effect on predictions.
        "location_stddev": pick(0.05, 0.2),
        "reinforce_weight": pick(0.0, 0.01),
        "seed": pick(None, 0),
    }
    shape = a_map(pick, sizes, pick(*sizes.channels_per_group))
    layer_cls = ka.RecurrentAttention
    return generated_case(
        layer_cls,
        kwargs,
        shape,
        weight_scale=0.3,
        discontinuous=True,
        resamples=True,
        gradients=False,
    )


@strategy
def DynamicCapacityNetwork(pick, sizes):
    strides = (pick(1, 2), pick(1, 2))
    patch_size = pick((4, 3), (3, 3), (2, 5))
    kwargs = {
        "coarse": _convolution("coarse", 4, 3, strides),
        "fine": _convolution("fine", 4, patch_size),
        "top": LayerFactory("top", _top),
        "num_patches": pick(1, 2, 4),
        "patch_size": patch_size,
        "patch_stride": strides,
        "patch_offset": (pick(-2, 0, 1), pick(-1, 0, 2)),
        "hint_weight": pick(0.01, 0.5),
    }
    shape = (pick(*sizes.batch), pick(6, 9), pick(7, 8), pick(1, 2))
    layer_cls = ka.DynamicCapacityNetwork
    return generated_case(
        layer_cls, kwargs, shape, discontinuous=True, resamples=True
    )


@strategy
def grid_sample(pick, sizes):
    interpolation = pick("bilinear", "bicubic", "nearest")
    kwargs = {
        "interpolation": interpolation,
        "padding_mode": pick("zeros", "border", "reflection"),
        "align_corners": pick(True, False),
    }
    shape = a_map(pick, sizes, pick(1, 3, 4))
    grid = (shape[0], pick(*sizes.space), pick(*sizes.space), 2)
    return generated_case(
        functions.GridSample,
        kwargs,
        shape,
        grid,
        kinds=("map", "location"),
        discontinuous=interpolation == "nearest",
        resamples=True,
    )


def grid(pick, sizes, layer_cls, *shape):
    kwargs = {
        "size": (pick(*sizes.space), pick(*sizes.space)),
        "align_corners": pick(True, False),
    }
    kinds = ("free",)
    shape = (pick(*sizes.batch), *shape)
    wider = ("float32",)  # half a pixel counts
    return generated_case(
        layer_cls, kwargs, shape, kinds=kinds, other_dtypes=wider
    )


@strategy
def affine_grid(pick, sizes):
    return grid(pick, sizes, functions.AffineGrid, 2, 3)


@strategy
def projective_grid(pick, sizes):
    return grid(pick, sizes, functions.ProjectiveGrid, 3, 3)


@strategy
def tps_grid(pick, sizes):
    side = pick(2, 3, 4)
    return grid(pick, sizes, functions.TPSGrid, side**2, 2)


def count(length, taps, stride, rate, padding, axis):
    """Return how many windows there are along an axis."""
    if padding == "same":
        return -(-length // stride)
    if not isinstance(padding, tuple):
        padding = (0 if padding == "valid" else padding,) * 2
    return (length + 2 * padding[axis] - (taps - 1) * rate - 1) // stride + 1


@strategy
def deform_conv2d(pick, sizes):
    groups, offset_groups = pick(1, 2, 3), pick(1, 2, 3)
    kernel_height, kernel_width = pick(1, 2, 3, 4), pick(1, 2, 3, 5)
    channels_per_group = offset_groups * pick(1, 2)
    kwargs = windows(pick) | {"groups": groups, "offset_groups": offset_groups}
    shape = a_map(pick, sizes, groups * channels_per_group)
    batch = shape[0]
    filters = groups * pick(1, 2)
    size = [
        max(count(*of_axis, kwargs["padding"], axis), 1)
        for axis, of_axis in enumerate(
            zip(
                shape[1:3],
                (kernel_height, kernel_width),
                kwargs["strides"],
                kwargs["dilation_rate"],
                strict=True,
            )
        )
    ]
    taps = offset_groups * kernel_height * kernel_width
    shapes = [
        shape,
        (batch, *size, 2 * taps),
        (kernel_height, kernel_width, channels_per_group, filters),
    ]
    if pick(True, False):
        shapes += [(batch, *size, taps), (filters,)]
    kinds = ("map", "free", "free", "unit", "free")[: len(shapes)]
    layer_cls = functions.DeformConv2D
    return generated_case(
        layer_cls, kwargs, *shapes, kinds=kinds, resamples=True
    )


def attended(pick, sizes, channels, coordinates=2):
    """Return batch and queries, the shapes of the points, and of the maps."""
    levels = pick(1, 2, 3)
    batch, queries = pick(*sizes.batch), pick(1, 2, 5)
    maps = [(batch, *a_map(pick, sizes, channels)[1:]) for _ in range(levels)]
    return (batch, queries), (batch, queries, levels, coordinates), maps


@strategy
def deform_attention(pick, sizes):
    heads, points = pick(1, 2, 3), pick(1, 3, 4)
    channels = heads * pick(*sizes.channels_per_group)
    start, (*_, levels, _), maps = attended(pick, sizes, channels)
    shape = (*start, heads, levels, points)
    return generated_case(
        functions.DeformAttention,
        {},
        (*shape, 2),
        shape,
        *maps,
        kinds=("unit", "free", *["map"] * levels),
        resamples=True,
    )


@strategy
def MultiScaleDeformableAttention(pick, sizes):
    heads = pick(1, 2, 4)
    kwargs = {
        "num_heads": heads,
        "num_points": pick(1, 2, 4),
        "hidden_units": pick(None, heads, 3 * heads),
        "dropout": 0.0,
    }
    channels = heads * pick(*sizes.channels_per_group)
    start, points, maps = attended(pick, sizes, channels, pick(2, 4))
    return generated_case(
        functions.MultiScaleDeformableAttention,
        kwargs,
        (*start, channels),
        points,
        *maps,
        kinds=("free", "unit", *["map"] * len(maps)),
        resamples=True,
    )


@strategy
def sample_offsets(pick, sizes):
    shape = a_map(pick, sizes, pick(1, 3, 4))
    offsets = (*shape, 2) if pick(True, False) else (*shape[:3], 2)
    layer_cls = functions.SampleOffsets
    kinds = ("map", "free")
    return generated_case(
        layer_cls, {}, shape, offsets, kinds=kinds, resamples=True
    )


@strategy
def extract_glimpses(pick, sizes):
    shape = a_map(pick, sizes, pick(*sizes.channels_per_group))
    kwargs = retina(pick)
    kwargs["size"] = kwargs.pop("glimpse_size")
    return generated_case(
        functions.ExtractGlimpses,
        kwargs,
        shape,
        (shape[0], 2),
        kinds=("map", "location"),
        discontinuous=True,
        resamples=True,
        gradients=False,
    )


def of_the_contract(name, cls):
    """Register a strategy that varies the sizes of a layer's contract cases.

    This is for layers whose arguments need no other combinations.
    """
    own = [case for case in CASES if case.layer_cls is cls]

    def make(pick, sizes):
        case = pick(*own)
        ((_, *spatial, channels),) = case.shapes
        shape = a_map(pick, sizes, channels, len(spatial))
        return generated_case(cls, dict(case.kwargs), shape)

    make.__name__ = name
    strategy(make)


for name, cls in _cards.layers().items():
    if name not in STRATEGIES and cls.card.is_gate:
        of_the_contract(name, cls)
