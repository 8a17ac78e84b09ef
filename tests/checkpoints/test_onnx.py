"""Loading weights from ONNX files, and from a part of a network."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from contract.case import assert_close
from contract.case import assert_same
from keras_attention import EfficientChannelAttention
from keras_attention import SqueezeExcite
from keras_attention import load_reference_weights

CHANNELS, HIDDEN = 6, 3
SHAPES = {
    "squeeze.kernel": (HIDDEN, CHANNELS, 1, 1),
    "squeeze.bias": (HIDDEN,),
    "excite.kernel": (CHANNELS, HIDDEN, 1, 1),
    "excite.bias": (CHANNELS,),
}
# The names of gates in networks of Paddle, with the prefixes to load them by.
NAMES = {
    "paddleocr": (
        [
            *("conv2_se_1_weights", "conv2_se_1_offset"),
            *("conv2_se_2_weights", "conv2_se_2_offset"),
        ],
        "conv2_se",
    ),
    "paddle": (
        [
            *("conv2d_24.w_0_deepcopy_120", "p2o.pd_op.reshape.0"),
            *("conv2d_25.w_0_deepcopy_122", "p2o.pd_op.reshape.0.1"),
        ],
        # The second is also the start of the last.
        (
            *("conv2d_24.w_0", "p2o.pd_op.reshape.0"),
            *("conv2d_25", "p2o.pd_op.reshape.0.1"),
        ),
    ),
}


def write(path, tensors, constants=()):
    """Write a model with these initializers, and constants by name."""
    nodes = [
        onnx.helper.make_node("Constant", [], [name], value=tensor)
        for name, tensor in constants
    ]
    # A constant that is no tensor, and another node.
    nodes.append(onnx.helper.make_node("Constant", [], ["n"], value_int=3))
    nodes.append(onnx.helper.make_node("Relu", ["x"], ["y"]))
    graph = onnx.helper.make_graph(nodes, "network", [], [], tensors)
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())


@pytest.fixture
def arrays(rng):
    return [rng.normal(size=s).astype("float32") for s in SHAPES.values()]


@pytest.fixture
def layer():
    layer = SqueezeExcite(hidden_units=HIDDEN, use_bias=True)
    layer.build((None, 4, 4, CHANNELS))
    return layer


def other_tensors(rng):
    """Return tensors of other layers."""
    return [
        numpy_helper.from_array(rng.normal(size=(2, 3)), "fc.weights"),
        numpy_helper.from_array(np.array(["some text"]), "names"),
        numpy_helper.from_array(np.ones(3, "int64"), "shape"),
    ]


@pytest.mark.parametrize("are_constants", [False, True])
@pytest.mark.parametrize("layout", NAMES)
def test_gate_of_a_network_loads(
    layout, are_constants, layer, arrays, rng, tmp_path
):
    names, prefix = NAMES[layout]
    path = tmp_path / "network.onnx"
    tensors = [
        numpy_helper.from_array(array, name)
        for name, array in zip(names, arrays, strict=True)
    ]
    constants = zip(names, tensors, strict=True) if are_constants else ()
    write(
        path,
        other_tensors(rng) + ([] if are_constants else tensors),
        constants,
    )
    load_reference_weights(layer, path, prefix=prefix)
    squeeze, squeeze_bias, excite, excite_bias = arrays
    x = rng.normal(size=(2, 4, 4, CHANNELS)).astype("float32")
    hidden = x.mean((1, 2)) @ squeeze[..., 0, 0].T + squeeze_bias
    logits = np.maximum(hidden, 0) @ excite[..., 0, 0].T + excite_bias
    gates = 1 / (1 + np.exp(-logits))
    assert_close(layer.attention(x)[:, 0, 0], gates)


def test_prefix_selects_names_of_every_source(layer, arrays):
    names = [f"fc{i}.{part}" for i in (1, 2) for part in ("weight", "bias")]
    weights = dict(zip(names, arrays, strict=True))
    source = {f"layer1.se.{name}": array for name, array in weights.items()}
    source |= {f"layer2.se.{name}": 0 * a for name, a in weights.items()}
    load_reference_weights(layer, source, prefix="layer1.se.")
    assert_same(layer.squeeze.kernel, arrays[0][..., 0, 0].T)


def test_prefix_selects_a_kernel_of_a_layer_that_is_not_built(rng):
    kernels = rng.normal(size=(2, 1, 1, 5)).astype("float32")
    source = {"a.conv.weight": kernels[0], "b.conv.weight": kernels[1]}
    layer = EfficientChannelAttention()
    load_reference_weights(layer, source, prefix="b.")
    layer.build((None, 4, 4, 8))
    assert_same(np.ravel(layer.kernel), kernels[1].ravel())


def test_list_entry_must_be_the_start_of_one_name(layer, arrays):
    source = dict(zip(NAMES["paddle"][0], arrays, strict=True))
    with pytest.raises(ValueError, match="must be the start of one") as caught:
        load_reference_weights(layer, source, prefix=["conv2d_2"])
    message = str(caught.value)
    assert "'conv2d_24.w_0_deepcopy_120', 'conv2d_25.w_0_dee" in message
    assert message.endswith("Received: prefix='conv2d_2'")


@pytest.mark.parametrize("prefix", ["conv3", ("conv2d_24", "conv3")])
def test_prefix_of_no_name_raises(prefix, layer, arrays):
    source = dict(zip(NAMES["paddle"][0], arrays, strict=True))
    with pytest.raises(ValueError, match="`prefix` must be") as caught:
        load_reference_weights(layer, source, prefix=prefix)
    message = str(caught.value)
    assert "'conv2d_24.w_0_deepcopy_120', " in message
    assert message.endswith("Received: prefix='conv3'")


@pytest.mark.parametrize("prefix", [None, 3, [], ["a", 3], {"a": "b"}])
def test_invalid_prefix_raises(prefix, layer):
    with pytest.raises(ValueError, match="`prefix` must be a string") as caught:
        load_reference_weights(layer, {}, prefix=prefix)
    assert "Received: prefix=" in str(caught.value)


def test_network_without_prefix_raises_with_the_cure(
    layer, arrays, rng, tmp_path
):
    path = tmp_path / "network.onnx"
    tensors = [
        numpy_helper.from_array(array, name)
        for name, array in zip(NAMES["paddleocr"][0], arrays, strict=True)
    ]
    write(path, [*tensors, other_tensors(rng)[0]])
    with pytest.raises(ValueError, match="or set `prefix` to the start of"):
        load_reference_weights(layer, path)


def test_other_files_are_not_read(layer, arrays, tmp_path):
    path, secret = tmp_path / "network.onnx", tmp_path / "secret"
    secret.write_bytes(arrays[0].tobytes())
    tensor = onnx.TensorProto(
        name="conv2_se_1_weights",
        data_type=onnx.TensorProto.FLOAT,
        dims=arrays[0].shape,
        data_location=onnx.TensorProto.EXTERNAL,
    )
    tensor.external_data.add(key="location", value="secret")
    write(path, [tensor])
    with pytest.raises(ValueError, match="weights in one file") as caught:
        load_reference_weights(layer, path, prefix="conv2_se")
    assert str(caught.value).endswith(
        "Received: source['conv2_se_1_weights']=a tensor whose numbers are in "
        "another file"
    )


def test_names_of_copies_are_kept_if_two_parameters_have_one_name(
    layer, arrays, tmp_path
):
    path = tmp_path / "network.onnx"
    names = ["a.w_0_deepcopy_1", "a.w_0_deepcopy_2"]
    write(path, [numpy_helper.from_array(arrays[0], name) for name in names])
    with pytest.raises(ValueError, match=r"'a.w_0_deepcopy_1', 'a.w_0_deep"):
        load_reference_weights(layer, path, prefix="none")


def test_repeated_names_raise(layer, arrays, tmp_path):
    path = tmp_path / "network.onnx"
    write(path, [numpy_helper.from_array(arrays[0], "a") for _ in range(2)])
    with pytest.raises(ValueError, match="must be a whole file"):
        load_reference_weights(layer, path)
