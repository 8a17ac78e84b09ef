import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from golden import Golden
from golden import as_is
from keras_attention import SpatialChannelSqueezeExcite
from keras_attention import SqueezeExcite


def weights(squeeze, excite, spatial, kernel):
    """Return the map of weights, by the names of three layers."""
    return {
        f"{squeeze}.weight": ("channel/squeeze/kernel", kernel),
        f"{squeeze}.bias": ("channel/squeeze/bias", as_is),
        f"{excite}.weight": ("channel/excite/kernel", kernel),
        f"{excite}.bias": ("channel/excite/bias", as_is),
        f"{spatial}.weight": ("spatial/kernel", golden.pointwise),
        f"{spatial}.bias": ("spatial/bias", as_is),
    }


GOLDENS = {
    "add": weights("cSE.1", "cSE.3", "sSE.0", golden.pointwise),
    "max": weights("cSE.fc1", "cSE.fc2", "sSE.conv", golden.linear),
}


@BOTH_WAYS
@pytest.mark.parametrize("combine", GOLDENS)
def test_golden(combine, data_format, compiled):
    case = Golden(
        f"scse_{combine}",
        lambda **k: SpatialChannelSqueezeExcite(4, combine=combine, **k),
        GOLDENS[combine],
    )
    golden.check_results(case, data_format, compiled)


@pytest.mark.parametrize(
    ("kwargs", "counts"),
    [
        ({}, {16: 66, 64: 645, 256: 8_721}),
        ({"reduction": 2}, {16: 297, 64: 4_257}),
        ({"hidden_units": 4}, {16: 165}),
    ],
)
def test_weights(kwargs, counts):
    for channels, count in counts.items():
        layer = SpatialChannelSqueezeExcite(**kwargs)
        layer.build((None, 8, 8, channels))
        assert layer.count_params() == count
    assert [role(weight) for weight in layer.weights] == [
        "channel/squeeze/kernel",
        "channel/squeeze/bias",
        "channel/excite/kernel",
        "channel/excite/bias",
        "spatial/kernel",
        "spatial/bias",
    ]


def test_channel_gate_is_that_of_squeeze_excite(rng):
    x = rng.normal(size=(2, 5, 6, 16)).astype("float32")
    layer = SpatialChannelSqueezeExcite(4)
    layer.build(x.shape)
    channel = SqueezeExcite(4, use_bias=True)
    channel.build(x.shape)
    channel.set_weights(layer.get_weights()[:4])
    assert_same(layer.attention(x)["channel"], channel.attention(x))


@pytest.mark.parametrize("sign", [-1, 1])
def test_maximum_is_that_of_the_gated_maps(sign, rng):
    """For negative values it takes the smaller gate."""
    x = (sign * rng.uniform(0.5, 1, size=(2, 5, 6, 16))).astype("float32")
    layer = SpatialChannelSqueezeExcite(combine="max")
    y, attention = layer(x, return_attention=True)
    channel, spatial = (
        to_numpy(attention[key]) for key in ("channel", "spatial")
    )
    select = np.maximum if sign > 0 else np.minimum
    assert_close(y, x * select(channel, spatial))
