import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from golden import Golden
from keras_attention import SpatialAttention
from keras_attention import TripletAttention

GATES = {
    "ChannelGateH": "width",
    "ChannelGateW": "height",
    "SpatialGate": "spatial",
}
WEIGHTS = {}
for name, path in GATES.items():
    conv = f"{name}.spatial.conv.weight"
    WEIGHTS[conv] = (f"{path}/conv/kernel", golden.conv)
    WEIGHTS |= golden.batch_norm(f"{name}.spatial.bn", f"{path}/norm")
GOLDENS = [
    Golden(
        file,
        lambda _use=use_spatial, **k: TripletAttention(use_spatial=_use, **k),
        WEIGHTS,
        momentum=0.99,
        # A weight of a normalization is one number, whose gradient is a sum
        # over all positions.
        rounding=3e-5,
    )
    for file, use_spatial in (("triplet", True), ("triplet_channel", False))
]


@BOTH_WAYS
@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.file)
def test_golden(case, data_format, compiled):
    golden.check_results(case, data_format, compiled)


@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.file)
def test_statistics_after_a_training_step(case, data_format):
    golden.check_statistics(case, data_format)


@pytest.mark.parametrize("channels", [4, 64])
@pytest.mark.parametrize(("use_spatial", "count"), [(True, 300), (False, 200)])
def test_number_of_parameters(channels, use_spatial, count):
    layer = TripletAttention(use_spatial=use_spatial)
    layer.build((None, 8, 8, channels))
    assert sum(w.numpy().size for w in layer.trainable_weights) == count
    assert [role(weight) for weight in layer.trainable_weights] == [
        f"{gate}/{name}"
        for gate in ("height", "width", *["spatial"] * use_spatial)
        for name in ("conv/kernel", "norm/gamma", "norm/beta")
    ]


@pytest.mark.parametrize("kernel_size", [3, 4])
def test_each_gate_is_spatial_attention_of_a_turned_map(
    kernel_size, data_format, rng
):
    """Kernels move along height and channels, or channels and width."""
    x = rng.normal(size=(2, 5, 6, 7)).astype("float32")
    layer = TripletAttention(kernel_size, data_format=data_format)
    first = data_format == "channels_first"
    attention = layer.attention(np.moveaxis(x, -1, 1) if first else x)
    for name, axes in (
        ("height", (0, 1, 3, 2)),
        ("width", (0, 3, 2, 1)),
        ("spatial", (0, 1, 2, 3)),
    ):
        turned = x.transpose(axes)
        plain = SpatialAttention(
            kernel_size, use_norm=True, data_format="channels_last"
        )
        plain.build(turned.shape)
        plain.set_weights(getattr(layer, name).get_weights())
        gate = to_numpy(attention[name])
        gate = np.moveaxis(gate, 1, -1) if first else gate
        assert_close(gate.transpose(axes), plain.attention(turned))


def test_output_is_the_mean_of_the_gated_maps(rng):
    x = rng.normal(size=(2, 5, 6, 7)).astype("float32")
    layer = TripletAttention()
    y, attention = layer(x, return_attention=True)
    gated = [x * to_numpy(gate) for gate in attention.values()]
    assert_close(y, np.mean(gated, axis=0))
    assert list(attention) == ["height", "width", "spatial"]


def test_without_the_spatial_gate_two_maps_are_averaged(rng):
    x = rng.normal(size=(2, 5, 6, 7)).astype("float32")
    layer = TripletAttention(use_spatial=False)
    whole = TripletAttention()
    for each in (layer, whole):
        each.build(x.shape)
    whole.set_weights([*layer.get_weights(), *whole.spatial.get_weights()])
    attention = layer.attention(x)
    assert list(attention) == ["height", "width"]
    expected = whole.attention(x)
    assert_same(attention, {key: expected[key] for key in attention})
