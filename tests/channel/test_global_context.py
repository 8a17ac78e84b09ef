import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import role
from autodiff import vjp
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from golden import Golden
from keras_attention import GlobalContext


def transform(name, path):
    """Return the weights of a transform of mmcv, by name."""
    return {
        f"{name}.0.weight": (f"{path}/reduce/kernel", golden.pointwise),
        f"{name}.0.bias": (f"{path}/reduce/bias", golden.as_is),
        f"{name}.1.weight": (f"{path}/gamma", golden.vector),
        f"{name}.1.bias": (f"{path}/beta", golden.vector),
        f"{name}.3.weight": (f"{path}/expand/kernel", golden.pointwise),
        f"{name}.3.bias": (f"{path}/expand/bias", golden.as_is),
    }


WEIGHTS = {
    "conv_mask.weight": ("mask/kernel", golden.pointwise),
    "conv_mask.bias": ("mask/bias", golden.as_is),
    **transform("channel_add_conv", "add"),
    **transform("channel_mul_conv", "scale"),
}
FUSIONS = ["add", "scale", "both"]
every_fusion = pytest.mark.parametrize("fusion", FUSIONS)


def golden_of(fusion):
    return Golden(
        f"global_context_{fusion}",
        lambda **k: GlobalContext(4, fusion=fusion, **k),
        WEIGHTS,
    )


def built(*args, channels=16, **kwargs):
    layer = GlobalContext(*args, **kwargs)
    layer.build((None, None, None, channels))
    return layer


def generic(rng, *args, **kwargs):
    layer = built(*args, **kwargs)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


@pytest.fixture
def x(rng):
    return rng.normal(size=(2, 5, 6, 16)).astype("float32")


@BOTH_WAYS
@every_fusion
def test_golden(fusion, data_format, compiled):
    golden.check_results(golden_of(fusion), data_format, compiled)


@every_fusion
def test_weights_are_named_for_their_roles(fusion):
    layer = built(4, fusion=fusion)
    parts = {"both": ["scale", "add"]}.get(fusion, [fusion])
    roles = {"mask/kernel", "mask/bias"}
    for part in parts:
        roles |= {f"{part}/gamma", f"{part}/beta"}
        for dense in ("reduce", "expand"):
            roles |= {f"{part}/{dense}/kernel", f"{part}/{dense}/bias"}
    assert {role(weight) for weight in layer.weights} == roles
    count = len(parts) * (2 * 16 * 4 + 3 * 4 + 16) + 16 + 1
    assert layer.count_params() == count


def test_adding_layer_starts_as_the_identity(x):
    assert_same(built(kernel_initializer="ones")(x), x)


def test_scaling_layer_starts_with_gates_of_one_half(x):
    layer = built(fusion="scale", kernel_initializer="ones")
    assert_close(layer(x), x / 2)


def test_weights_of_positions_sum_up_to_1(rng, x):
    weights = to_numpy(generic(rng, 4).attention(x)["spatial"])
    assert (weights > 0).all()
    assert_close(weights.sum((1, 2, 3)), np.ones(2, "float32"))


def test_one_position_has_the_weight_1(rng):
    x = rng.normal(size=(2, 1, 1, 16)).astype("float32")
    weights = generic(rng, 4).attention(x)["spatial"]
    assert_same(weights, np.ones((2, 1, 1, 1), "float32"))


def test_large_logits_select_one_position(rng):
    x = np.zeros((1, 3, 3, 16), "float16")
    x[0, 1, 2] = 1000
    layer = generic(rng, 4, fusion="both", dtype="float16")
    layer.mask.kernel.assign(np.ones((16, 1)))
    outputs, attention = layer(x, return_attention=True)
    weights = to_numpy(attention["spatial"])
    assert weights[0, 1, 2, 0] == weights.sum() == 1
    assert np.isfinite(to_numpy(outputs)).all()


def test_bias_of_the_mask_has_no_effect_and_no_gradient(rng, x):
    layer = generic(rng, 4)
    before, _, gradients = vjp(layer, [x], x)
    assert gradients["mask/bias"].tolist() == [0]
    assert np.any(gradients["mask/kernel"] != 0)
    layer.mask.bias.assign([100.0])
    assert_same(layer(x), before)


def test_one_hidden_unit_is_normalized_to_its_offset(rng, x):
    layer = generic(rng, hidden_units=1)
    layer.add.beta.assign([2.0])
    expand = to_numpy(layer.add.expand.kernel)[0]
    expected = x + 2 * expand + to_numpy(layer.add.expand.bias)
    assert_close(layer(x), expected)


def test_hidden_units_override_reduction():
    for layer, units in (
        (built(), 1),
        (built(4), 4),
        (built(4, hidden_units=7), 7),
    ):
        assert layer.add.reduce.units == units
