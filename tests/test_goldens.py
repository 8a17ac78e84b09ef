"""The layers against the published implementations, numbers and gradients."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

import golden
from autodiff import role
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout
from keras_attention import CBAM
from keras_attention import GatedChannelTransform
from keras_attention import SpatialGroupEnhance
from keras_attention import SqueezeExcite


@dataclasses.dataclass(frozen=True)
class Golden:
    """A file, the layer that must reproduce it, and which weight is which."""

    file: str
    layer: Callable
    weights: dict  # name in the reference: (role in the layer, conversion)


def as_is(array):
    return array


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
_NORM = "SpatialGate.spatial.bn"
CBAM_OFFICIAL = {
    "ChannelGate.mlp.1.weight": ("channel/squeeze/kernel", golden.linear),
    "ChannelGate.mlp.1.bias": ("channel/squeeze/bias", as_is),
    "ChannelGate.mlp.3.weight": ("channel/excite/kernel", golden.linear),
    "ChannelGate.mlp.3.bias": ("channel/excite/bias", as_is),
    "SpatialGate.spatial.conv.weight": ("spatial/conv/kernel", golden.conv),
    f"{_NORM}.weight": ("spatial/norm/gamma", as_is),
    f"{_NORM}.bias": ("spatial/norm/beta", as_is),
    f"{_NORM}.running_mean": ("spatial/norm/moving_mean", as_is),
    f"{_NORM}.running_var": ("spatial/norm/moving_variance", as_is),
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
    ),
]


def in_roles(arrays, table):
    return {
        table[name][0]: table[name][1](array) for name, array in arrays.items()
    }


def load_into_layer(case, arrays, data_format):
    layer = case.layer(data_format=data_format)
    layer.build(to_layout(arrays["x"].shape, data_format))
    golden.set_weights(
        layer, in_roles(golden.under(arrays, "w/"), case.weights)
    )
    return layer


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.file)
def test_golden(case, data_format, compiled):
    arrays = golden.load(case.file)
    modes = sorted(
        {key.partition("/")[0] for key in arrays} & {"eval", "train"}
    )
    for mode in modes:
        stored = golden.under(arrays, f"{mode}/")
        layer = load_into_layer(case, arrays, data_format)
        outputs, (slope,), weight_slopes = vjp(
            layer,
            [to_layout(arrays["x"], data_format)],
            to_layout(stored["cotangent"], data_format),
            training=mode == "train",
            compiled=compiled,
        )
        assert_close(to_last(outputs, data_format), stored["y"])
        assert_close(to_last(slope, data_format), stored["dx"])
        expected = in_roles(golden.under(stored, "dw/"), case.weights)
        assert weight_slopes.keys() == expected.keys()
        for name, expected_slope in expected.items():
            assert_close(weight_slopes[name], expected_slope)


@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.file)
def test_statistics_after_a_training_step(case, data_format):
    arrays = golden.load(case.file)
    after = in_roles(golden.under(arrays, "train/after/"), case.weights)
    layer = load_into_layer(case, arrays, data_format)
    before = {role(w): np.array(w) for w in layer.non_trainable_weights}
    assert before.keys() == after.keys()
    if not after:
        return  # a layer without statistics: nothing may move, nothing does
    x = to_layout(arrays["x"], data_format)
    vjp(layer, [x], x, training=True)
    samples = x.size // arrays["x"].shape[-1]
    for weight in layer.non_trainable_weights:
        expected = after[role(weight)]
        if role(weight).endswith("moving_variance"):
            # PyTorch remembers the unbiased variance, Keras the biased one.
            kept = before[role(weight)] * layer.spatial.norm.momentum
            expected = kept + (expected - kept) * (samples - 1) / samples
        assert_close(weight, expected)
