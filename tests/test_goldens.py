"""Comparison of the layers with golden files of published implementations."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import role
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout
from keras_attention import CBAM
from keras_attention import AttentionalFeatureFusion
from keras_attention import GatedChannelTransform
from keras_attention import IterativeAttentionalFeatureFusion
from keras_attention import MultiScaleChannelAttention
from keras_attention import SelectiveKernel
from keras_attention import SpatialGroupEnhance
from keras_attention import SqueezeExcite


@dataclasses.dataclass(frozen=True)
class Golden:
    """A golden file, the layer that must reproduce it, and the map of weights.

    `weights` gives, by name in the reference, the role in the layer and a
    conversion. What is of one role is joined along the last axis, in order;
    `UNUSED` is what the reference itself makes no use of. `squeezed` are the
    parts of the layer (how roles begin) that see one vector a sample, `twice`
    those that run twice, and `idle` (how roles end) biases that a norm follows.
    """

    file: str
    layer: Callable
    weights: dict
    momentum: float = 0.9
    squeezed: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()


UNUSED = None


def as_is(array):
    return array


def batch_norm(name, path):
    return {
        f"{name}.weight": (f"{path}/gamma", as_is),
        f"{name}.bias": (f"{path}/beta", as_is),
        f"{name}.running_mean": (f"{path}/moving_mean", as_is),
        f"{name}.running_var": (f"{path}/moving_variance", as_is),
    }


def kernel_and_bias(name, path, kernel):
    return {
        f"{name}.weight": (f"{path}/kernel", kernel),
        f"{name}.bias": (f"{path}/bias", as_is),
    }


def context(name, path, first):
    """Return the weights of a branch whose first convolution has an index."""
    pointwise = golden.pointwise
    return {
        **kernel_and_bias(f"{name}.{first}", f"{path}/reduce", pointwise),
        **batch_norm(f"{name}.{first + 1}", f"{path}/reduce_norm"),
        **kernel_and_bias(f"{name}.{first + 3}", f"{path}/expand", pointwise),
        **batch_norm(f"{name}.{first + 4}", f"{path}/expand_norm"),
    }


def selective_path(index):
    name, path = f"convs.{index}", f"path_{index}"
    return {
        f"{name}.0.weight": (f"{path}/conv/kernel", golden.conv),
        f"{name}.0.bias": (f"{path}/bias", as_is),
        **batch_norm(f"{name}.1", f"{path}/norm"),
    }


SE = {
    "fc.0.weight": ("squeeze/kernel", golden.linear),
    "fc.2.weight": ("excite/kernel", golden.linear),
}
GCT = {name: (name, golden.vector) for name in ("alpha", "beta", "gamma")}
SGE = {
    "weight": ("gamma", golden.vector),
    "bias": ("beta", golden.vector),
}
CBAM_TF = {
    "cbam_a/mlp_1/kernel": ("channel/squeeze/kernel", as_is),
    "cbam_a/mlp_1/bias": ("channel/squeeze/bias", as_is),
    "cbam_a/mlp_2/kernel": ("channel/excite/kernel", as_is),
    "cbam_a/mlp_2/bias": ("channel/excite/bias", as_is),
    "cbam_a/conv2d/kernel": ("spatial/conv/kernel", as_is),
    "cbam_a/conv2d/bias": ("spatial/conv/bias", as_is),
}
CBAM_OFFICIAL = {
    **kernel_and_bias("ChannelGate.mlp.1", "channel/squeeze", golden.linear),
    **kernel_and_bias("ChannelGate.mlp.3", "channel/excite", golden.linear),
    "SpatialGate.spatial.conv.weight": ("spatial/conv/kernel", golden.conv),
    **batch_norm("SpatialGate.spatial.bn", "spatial/norm"),
}
MS_CAM = {
    **context("local_att", "local_context", 0),
    **context("global_att", "global_context", 1),
}
IAFF = {
    **MS_CAM,
    **context("local_att2", "second_local_context", 0),
    **dict.fromkeys(context("global_att2", "", 1), UNUSED),
}
CONTEXT = {
    "squeezed": ("global_context",),
    "idle": ("reduce/bias", "expand/bias"),
}
SK = {
    **selective_path(0),
    **selective_path(1),
    **kernel_and_bias("compress.0", "squeeze", golden.linear),
    **batch_norm("compress.1", "squeeze_norm"),
    **kernel_and_bias("projections.0", "select", golden.pointwise),
    **kernel_and_bias("projections.1", "select", golden.pointwise),
}

GOLDENS = [
    Golden("se", lambda **k: SqueezeExcite(4, **k), SE),
    Golden("gct_l2", lambda **k: GatedChannelTransform(**k), GCT),
    Golden("gct_l1", lambda **k: GatedChannelTransform("l1", **k), GCT),
    Golden(
        "gct_l1_after_relu",
        lambda **k: GatedChannelTransform("l1", after_relu=True, **k),
        GCT,
    ),
    Golden("sge", lambda **k: SpatialGroupEnhance(4, **k), SGE),
    Golden("cbam_tf", lambda **k: CBAM(**k), CBAM_TF),
    Golden(
        "cbam_tf_ratio",
        lambda **k: CBAM(hidden_units=int(12 * 0.3), **k),
        CBAM_TF,
    ),
    Golden(
        "cbam_paper",
        lambda **k: CBAM(4, spatial_input="refined", spatial_norm=True, **k),
        CBAM_OFFICIAL,
        momentum=0.99,
    ),
    Golden(
        "ms_cam",
        lambda **k: MultiScaleChannelAttention(4, **k),
        MS_CAM,
        **CONTEXT,
    ),
    Golden(
        "aff",
        lambda **k: AttentionalFeatureFusion(4, **k),
        MS_CAM,
        **CONTEXT,
    ),
    Golden(
        "iaff",
        lambda **k: IterativeAttentionalFeatureFusion(
            4, share_global=True, **k
        ),
        IAFF,
        **CONTEXT,
        twice=("global_context",),
    ),
    Golden(
        "sk",
        lambda **k: SelectiveKernel(24, groups=2, reduction=4, **k),
        SK,
        squeezed=("squeeze",),
        idle=("path_0/bias", "path_1/bias", "squeeze/bias"),
    ),
]


def in_roles(arrays, table):
    """Return arrays of the reference by role in the layer."""
    assert arrays.keys() <= table.keys()
    parts = {}
    for name, entry in table.items():
        if name in arrays and entry is not UNUSED:
            role, convert = entry
            parts.setdefault(role, []).append(convert(arrays[name]))
    return {role: np.concatenate(p, axis=-1) for role, p in parts.items()}


def in_order(arrays, name, data_format):
    """Return the arrays of a name, or of that name and 0, 1, ..., in layout."""
    names = sorted(key for key in arrays if key.rstrip("01") == name)
    return [to_layout(arrays[key], data_format) for key in names]


def load_into_layer(case, arrays, data_format):
    layer = case.layer(data_format=data_format)
    layer.build(*(x.shape for x in in_order(arrays, "x", data_format)))
    golden.set_weights(
        layer, in_roles(golden.under(arrays, "w/"), case.weights)
    )
    return layer


def run(case, arrays, mode, data_format, **compiled):
    """Return the layer after a run, and its results as of `vjp`."""
    layer = load_into_layer(case, arrays, data_format)
    inputs = in_order(arrays, "x", data_format)
    cotangent = to_layout(arrays[f"{mode}/cotangent"], data_format)
    training = mode == "train"
    return layer, vjp(layer, inputs, cotangent, training=training, **compiled)


@BOTH_WAYS
@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.file)
def test_golden(case, data_format, compiled):
    arrays = golden.load(case.file)
    modes = sorted(
        {key.partition("/")[0] for key in arrays} & {"eval", "train"}
    )
    for mode in modes:
        stored = golden.under(arrays, f"{mode}/")
        expected = in_roles(golden.under(stored, "dw/"), case.weights)
        _, (outputs, gradients, weight_gradients) = run(
            case, arrays, mode, data_format, compiled=compiled
        )
        assert_close(to_last(outputs, data_format), stored["y"])
        last = [to_last(gradient, data_format) for gradient in gradients]
        assert_close(last, in_order(stored, "dx", "channels_last"))
        assert weight_gradients.keys() == expected.keys()
        for name, expected_gradient in expected.items():
            if mode == "train" and name.endswith(case.idle):
                # Normalization cancels this gradient; only rounding errors are
                # left.
                scale = max(
                    np.abs(gradient).max() for gradient in expected.values()
                )
                assert np.abs(weight_gradients[name]).max() <= 1e-4 * scale
            elif mode == "train" and case.squeezed:
                # A norm of two vectors magnifies float32's rounding: the
                # reference itself is then off by up to 7.5e-4.
                squeezed = name.startswith(case.squeezed)
                tolerance = 2e-3 if squeezed else 1e-4
                assert_close(
                    weight_gradients[name], expected_gradient, tolerance
                )
            else:
                assert_close(weight_gradients[name], expected_gradient)


@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.file)
def test_statistics_after_a_training_step(case, data_format):
    arrays = golden.load(case.file)
    after = in_roles(golden.under(arrays, "train/after/"), case.weights)
    layer = load_into_layer(case, arrays, data_format)
    before = {role(w): np.array(w) for w in layer.non_trainable_weights}
    assert before.keys() == after.keys()
    if after:
        layer, _ = run(case, arrays, "train", data_format)
        batch, height, width, _ = arrays["train/y"].shape
        for weight in layer.non_trainable_weights:
            expected = after[role(weight)]
            if role(weight).endswith("moving_variance"):
                # PyTorch stores the unbiased variance, Keras the biased one.
                squeezed = role(weight).startswith(case.squeezed)
                samples = batch if squeezed else batch * height * width
                updates = 2 if role(weight).startswith(case.twice) else 1
                kept = before[role(weight)] * case.momentum**updates
                expected = kept + (expected - kept) * (samples - 1) / samples
            assert_close(weight, expected)
