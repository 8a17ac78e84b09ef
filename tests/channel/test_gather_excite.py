"""Tests of `GatherExcite` beyond the contract."""

import numpy as np
import pytest

import keras_attention
import published
import references
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import Case
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import GatherExcite
from keras_attention import export_reference_weights
from keras_attention import load_reference_weights
from published import Published

FILES = {
    suffix: Published(f"gather_excite_{suffix}")
    for suffix in (
        *("global", "e2", "e4", "se", "theta_global", "theta_e2", "theta_e4"),
        *("plus_global", "plus_e4"),
    )
}


@BOTH_WAYS
@pytest.mark.parametrize("case", FILES.values(), ids=str)
def test_golden(case, data_format, compiled):
    published.check(case, data_format, compiled)


@pytest.mark.parametrize(
    "case", [case for case in FILES.values() if "train" in case.modes], ids=str
)
def test_statistics_after_a_training_step(case, data_format):
    published.check_statistics(case, data_format)


@pytest.mark.parametrize(
    "case",
    [case for case in FILES.values() if case.meta["parameters"]],
    ids=str,
)
def test_loaded_weights_are_exported_unchanged(case):
    published.check_export(case)


def test_names_of_the_authors(rng):
    case = FILES["plus_global"]
    layer, another = case.layer(), case.layer()
    weights = export_reference_weights(layer, "caffe")
    assert "gather/bn.running_mean" in weights
    assert weights["gather.weight"].shape == (12, 1, 5, 6)
    another.set_weights([0 * w for w in another.get_weights()])
    prefixed = {f"conv2_1/{name}": weights[name] for name in weights}
    load_reference_weights(another, prefixed)
    for old, new in zip(layer.weights, another.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(old), to_numpy(new))


def built(*args, shape=(None, 8, 6, 16), **kwargs):
    layer = GatherExcite(*args, data_format="channels_last", **kwargs)
    layer.build(shape)
    return layer


@pytest.mark.parametrize(
    ("args", "kwargs", "count"),
    [
        ((), {}, 0),
        ((8,), {}, 0),
        ((2,), {"parametric": True}, 11 * 16),
        ((8,), {"parametric": True}, 33 * 16),
        ((0,), {"parametric": True}, 48 * 16 + 32),
        ((0,), {"excite": True}, 32 + 1 + 16),
        ((4,), {"excite": True, "hidden_units": 5}, 160 + 5 + 16),
        ((4,), {"excite": True, "reduction": 4}, 128 + 4 + 16),
    ],
)
def test_has_as_many_parameters_as_published(args, kwargs, count):
    weights = built(*args, **kwargs).trainable_weights
    assert sum(np.prod(weight.shape) for weight in weights) == count


def test_weights_are_named_for_their_roles():
    names = ("gamma", "beta")
    weights = built(4, parametric=True, excite=True).trainable_weights
    assert [role(weight) for weight in weights] == [
        *(
            f"gather_{index}/{name}"
            for index in range(2)
            for name in ("conv/kernel", *(f"norm/{name}" for name in names))
        ),
        *("reduce/kernel", "reduce/bias", "expand/kernel", "expand/bias"),
    ]
    weights = built(parametric=True).trainable_weights
    assert [role(weight) for weight in weights] == [
        *("kernel", "gather_norm/gamma", "gather_norm/beta")
    ]


def test_whole_map_with_excitation_is_squeeze_and_excitation(rng):
    x = rng.normal(size=(2, 5, 6, 16)).astype("float32")
    layer = built(excite=True, reduction=4, shape=x.shape)
    other = keras_attention.SqueezeExcite(
        4, use_bias=True, data_format="channels_last"
    )
    other.build(x.shape)
    other.set_weights(layer.get_weights())
    assert_close(layer(x), other(x))


@pytest.mark.parametrize("extent", [2, 4, 8])
@pytest.mark.parametrize("parametric", [False, True])
@pytest.mark.parametrize(
    "size", [(1, 1), (8, 16), (7, 10), (3, 2), (17, 5)], ids=str
)
def test_maps_of_any_size(extent, parametric, size, data_format):
    kwargs = {"extent": extent, "parametric": parametric}
    case = Case(GatherExcite, kwargs, ((2, *size, 4),))
    layer, inputs = case.generic(data_format=data_format), case.inputs()
    found = layer(to_layout(inputs[0], data_format), return_attention=True)
    expected = references.run(layer, inputs)
    assert_close([to_last(a, data_format) for a in found], expected)


@pytest.mark.parametrize("parametric", [False, True])
def test_kind_of_attention_depends_on_the_extent(parametric):
    layer = GatherExcite(parametric=parametric)
    assert layer.card.attention == "channel"
    assert GatherExcite(4, parametric=parametric).card.attention == "mixed"
    assert GatherExcite.card.attention == "channel"


def test_extent_that_is_unknown_raises():
    message = "`extent` must be 0, 2, 4 or 8. Received: extent=3"
    with pytest.raises(ValueError, match=message):
        GatherExcite(3)


def test_convolution_of_the_whole_map_needs_a_size():
    with pytest.raises(ValueError, match=r"must be known .*input_shape="):
        built(parametric=True, shape=(None, None, 8, 4))
    layer = built(parametric=True)
    with pytest.raises(ValueError, match="expected axis"):
        layer(np.ones((2, 8, 7, 16), "float32"))
