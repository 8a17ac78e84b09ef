"""Comparison of the layers with golden files of published implementations."""

import pytest

import golden
from autodiff import BOTH_WAYS
from golden import UNUSED
from golden import Golden
from golden import as_is
from golden import batch_norm
from keras_attention import CBAM
from keras_attention import AttentionalFeatureFusion
from keras_attention import GatedChannelTransform
from keras_attention import IterativeAttentionalFeatureFusion
from keras_attention import MultiScaleChannelAttention
from keras_attention import SelectiveKernel
from keras_attention import SpatialGroupEnhance
from keras_attention import SqueezeExcite


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


@BOTH_WAYS
@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.file)
def test_golden(case, data_format, compiled):
    golden.check_results(case, data_format, compiled)


@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.file)
def test_statistics_after_a_training_step(case, data_format):
    golden.check_statistics(case, data_format)
