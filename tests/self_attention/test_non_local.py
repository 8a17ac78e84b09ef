"""Tests of `NonLocal` beyond the contract."""

import re

import numpy as np
import pytest

import golden
import published
from autodiff import BACKEND
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import NonLocal
from keras_attention import export_reference_weights
from keras_attention import load_reference_weights
from published import Published

FILES = ("embedded", "gaussian", "dot", "concat", "pooled", "pooled_3d")
GOLDENS = pytest.mark.parametrize(
    "case",
    [Published(f"non_local_{file}", has_channels=False) for file in FILES],
    ids=str,
)
MODES = ("embedded_gaussian", "gaussian", "dot_product", "concatenation")


@GOLDENS
@BOTH_WAYS
def test_golden(case, data_format, compiled):
    published.check(case, data_format, compiled)


@GOLDENS
def test_loaded_weights_are_exported_unchanged(case):
    published.check_export(case)


@pytest.mark.parametrize("file", FILES[4:])
def test_statistics_after_a_training_step(file, data_format):
    case = Published(f"non_local_{file}", has_channels=False)
    published.check_statistics(case, data_format)


@pytest.mark.parametrize(
    ("kwargs", "count", "others"),
    [
        ({}, 4 * 16 * 8 + 3 * 8 + 16, []),
        ({"reduction": 4}, 4 * 16 * 4 + 3 * 4 + 16, []),
        ({"hidden_units": 5}, 4 * 16 * 5 + 3 * 5 + 16, []),
        ({"mode": "dot_product"}, 4 * 16 * 8 + 3 * 8 + 16, []),
        ({"mode": "concatenation"}, 4 * 16 * 8 + 5 * 8 + 16, ["score"]),
        (
            {"use_norm": True},
            4 * 16 * 8 + 3 * 8 + 3 * 16,
            ["norm/gamma", "norm/beta"],
        ),
    ],
)
def test_weights(kwargs, count, others):
    layer = NonLocal(**kwargs)
    layer.build((None, 8, 8, 16))
    weights = layer.trainable_weights
    assert sum(np.prod(weight.shape) for weight in weights) == count
    assert {role(weight) for weight in weights} == {
        "query/kernel",
        "query/bias",
        "key/kernel",
        "key/bias",
        "value/kernel",
        "value/bias",
        "expand/kernel",
        "expand/bias",
        *others,
    }


def test_gaussian_mode_has_no_queries_and_keys():
    layer = NonLocal(mode="gaussian")
    layer.build((None, 8, 8, 16))
    assert layer.count_params() == 2 * 16 * 8 + 8 + 16


@pytest.mark.parametrize("use_norm", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_starts_as_the_identity(mode, use_norm, rng):
    x = rng.normal(size=(2, 3, 4, 6)).astype("float32")
    layer = NonLocal(mode=mode, use_norm=use_norm)
    assert_same(layer(x), x)
    if use_norm:
        assert np.abs(to_numpy(layer.expand.kernel)).max() > 0


@pytest.mark.parametrize("mode", MODES)
def test_outputs_are_the_same_with_and_without_the_attention(
    mode, data_format, rng
):
    """With many positions, some backends compute them part by part."""
    layer = of_random_weights(
        (1, 70, 62, 8), rng, mode=mode, pool_size=2, data_format=data_format
    )
    x = to_layout(rng.normal(size=(1, 70, 62, 8)), data_format)
    x = x.astype("float32")
    y, attention = layer(x, return_attention=True)
    assert attention.shape == (1, 4340, 1085)
    assert_close(to_numpy(layer(x)), to_numpy(y))


def of_random_weights(shape, rng, data_format="channels_last", **kwargs):
    layer = NonLocal(data_format=data_format, **kwargs)
    layer.build(to_layout(shape, data_format))
    layer.set_weights([rng.uniform(0.1, 0.9, w.shape) for w in layer.weights])
    return layer


@pytest.mark.parametrize(
    ("size", "pool_size", "blocks"),
    [
        ((9,), 2, 4),
        ((5, 7), 2, 6),
        ((5, 4, 7), 3, 5 * 1 * 2),
        ((1, 7), 2, 3),
        ((2, 2), 3, 1),
        ((2, 4), 5, 1),
    ],
)
def test_blocks_of_keys(size, pool_size, blocks, data_format, rng):
    shape = to_layout((2, *size, 6), data_format)
    layer = NonLocal(pool_size=pool_size, data_format=data_format)
    attention = layer.attention(rng.normal(size=shape))
    expected = (2, np.prod(size), blocks)
    assert tuple(attention.shape) == expected
    assert layer.compute_attention_shape(shape) == expected
    assert_close(to_numpy(attention).sum(2), np.ones(expected[:2]))
    unknown = (None, *[None] * len(size), 6)
    unknown = to_layout(unknown, data_format)
    assert layer.compute_attention_shape(unknown) == (None, None, None)


def test_blocks_of_no_samples(data_format):
    x = np.zeros(to_layout((0, 5, 7, 6), data_format), "float32")
    layer = NonLocal(pool_size=2, data_format=data_format)
    y, attention = layer(x, return_attention=True)
    assert tuple(y.shape) == x.shape
    assert tuple(attention.shape) == (0, 35, 6)


def test_an_odd_last_row_is_read_by_no_position(rng):
    layer = of_random_weights((2, 5, 4, 6), rng, pool_size=2)
    x = rng.normal(size=(2, 5, 4, 6)).astype("float32")
    other = np.array(x)
    other[:, 4] += 1
    before, after = to_numpy(layer(x)), to_numpy(layer(other))
    assert_close(after[:, :4], before[:, :4])
    assert np.abs(after[:, 4] - before[:, 4]).max() > 0.1


@pytest.mark.parametrize("rank", [2, 6])
def test_inputs_of_other_ranks_raise(rank):
    with pytest.raises(ValueError, match="ndim"):
        NonLocal()(np.zeros((2,) * rank, "float32"))


def weights_of(case):
    return golden.under(case.arrays, "w/")


def outputs(weights, case, **kwargs):
    """Return a layer with weights, and its outputs for the file's input."""
    x = case.arrays["x"]
    layer = NonLocal(**kwargs)
    layer.build(x.shape)
    load_reference_weights(layer, weights)
    return layer, to_numpy(layer(x))


POOLED = Published("non_local_pooled", has_channels=False)


def test_files_with_a_prefix():
    weights = weights_of(POOLED)
    named = {f"module.nl_1.{name}": weights[name] for name in weights}
    named["module.nl_1.W.1.num_batches_tracked"] = np.array(3)
    arguments = POOLED.meta["arguments"]
    _, y = outputs(named, POOLED, **arguments)
    assert_close(y, POOLED.arrays["eval/y"])


@pytest.mark.parametrize("layout", ["mmcv", "non-local_pytorch"])
@pytest.mark.parametrize(
    ("sizes", "hint"),
    [
        ((2, 1), "The source pools: set `pool_size=2` in the target."),
        ((1, 2), "The source does not pool: set `pool_size=1` in the target."),
    ],
)
def test_error_names_the_pooling_of_the_source(layout, sizes, hint):
    source, target = (NonLocal(pool_size=size) for size in sizes)
    for layer in (source, target):
        layer.build((None, 4, 4, 8))
    exported = export_reference_weights(source, layout)
    with pytest.raises(ValueError, match=re.escape(hint)):
        load_reference_weights(target, exported)


def test_other_numbered_keys_are_no_pooling():
    """A normalization makes `W` a numbered sequence, too."""
    source, target = NonLocal(use_norm=True), NonLocal()
    for layer in (source, target):
        layer.build((None, 4, 4, 8))
    exported = export_reference_weights(source, "non-local_pytorch")
    with pytest.raises(ValueError, match="set `use_norm=True`") as error:
        load_reference_weights(target, exported)
    assert "pool" not in str(error.value)


def test_weights_of_unscaled_code_in_a_layer_that_scales():
    """The first convolution takes the scale, also on the way back."""
    weights = weights_of(POOLED)
    arguments = POOLED.meta["arguments"] | {"scale": True}
    layer, y = outputs(weights, POOLED, **arguments)
    assert_close(y, POOLED.arrays["eval/y"])
    exported = export_reference_weights(layer, "non-local_pytorch")
    assert_close(exported, weights)


def test_weights_of_mmcv_with_a_normalization(rng):
    """There is no bias before it: exported, it is in the moving mean."""
    names = {
        "theta.": "theta.conv.",
        "phi.0.": "phi.0.conv.",
        "g.0.": "g.0.conv.",
        "W.0.": "conv_out.conv.",
        "W.1.": "conv_out.bn.",
    }
    weights = {
        names[name[: name.rindex(".") + 1]] + name[name.rindex(".") + 1 :]: w
        for name, w in weights_of(POOLED).items()
    }
    bias = weights.pop("conv_out.conv.bias")
    weights["conv_out.bn.running_mean"] -= bias
    arguments = POOLED.meta["arguments"]
    layer, y = outputs(weights, POOLED, **arguments)
    assert_close(y, POOLED.arrays["eval/y"])
    assert_same(layer.expand.bias, np.zeros(12))
    assert_same(export_reference_weights(layer, "mmcv"), weights)

    layer.expand.bias.assign(bias)
    expected = to_numpy(layer(POOLED.arrays["x"]))
    exported = export_reference_weights(layer, "mmcv")
    assert exported.keys() == weights.keys()
    assert_close(outputs(exported, POOLED, **arguments)[1], expected)


@pytest.mark.parametrize("size", [(9,), (5, 7), (4, 5, 7)])
def test_published_shapes_have_an_axis_of_each_spatial_axis(size):
    layer = NonLocal()
    layer.build((None, *size, 6))
    ones = (1,) * len(size)
    for layout, name in (("mmcv", "conv_out.conv"), ("non-local_pytorch", "W")):
        exported = export_reference_weights(layer, layout)
        assert exported[f"{name}.weight"].shape == (6, 3, *ones)
        assert exported[f"{name}.bias"].shape == (6,)


@pytest.mark.skipif(BACKEND != "torch", reason="The published code is PyTorch.")
@pytest.mark.parametrize("scale", [True, False])
def test_weights_of_timm(scale, rng):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    layer = of_random_weights((2, 5, 4, 12), rng, scale=scale, use_norm=True)
    exported = export_reference_weights(layer, "timm")
    w = {name: torch.tensor(array) for name, array in exported.items()}
    x = torch.tensor(rng.normal(size=(2, 12, 5, 4)).astype("float32"))

    def convolved(name, x):
        return functional.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"])

    query, key, value = (convolved(name, x).flatten(2) for name in "tpg")
    if scale:
        query = query * 12**-0.5
    y = value @ (query.mT @ key).softmax(2).mT
    y = convolved("z", y.unflatten(2, (5, 4)))
    norm = [w[f"norm.{name}"] for name in ("running_mean", "running_var")]
    y = x + functional.batch_norm(y, *norm, w["norm.weight"], w["norm.bias"])
    found = to_numpy(layer(x.movedim(1, -1)))
    assert_close(found, to_numpy(y.movedim(1, -1)))

    other = of_random_weights((2, 5, 4, 12), rng, scale=scale, use_norm=True)
    load_reference_weights(other, exported)
    assert_close(other.get_weights(), layer.get_weights())


def test_layouts_that_do_not_fit_raise():
    layer = NonLocal()
    layer.build((None, 5, 7, 12))
    with pytest.raises(ValueError, match="`use_norm=True` in") as caught:
        load_reference_weights(layer, weights_of(POOLED))
    assert "W.1" in str(caught.value)
    with pytest.raises(ValueError, match=r"`layout` must be .*Received: "):
        export_reference_weights(layer, "timm")
