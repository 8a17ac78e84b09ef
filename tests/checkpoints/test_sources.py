"""Weights load from files and mappings of every kind, or raise an error."""

import io
import math
import os
import sys
import zipfile
from types import MappingProxyType
from types import SimpleNamespace

import keras
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from keras_attention import CBAM
from keras_attention.checkpoints import load_reference_weights
from keras_attention.checkpoints._sources import read_source


@pytest.fixture
def reference(golden):
    return golden("cbam_paper")


@pytest.fixture
def layer(reference):
    layer = CBAM(4, spatial_input="refined", spatial_norm=True)
    layer.build(reference.x.shape)
    return layer


@pytest.fixture
def assert_loads(layer, reference):
    """Return a function that checks the outputs after loading a source."""

    def check(source, tolerance=1e-5):
        load_reference_weights(layer, source)
        y = keras.ops.convert_to_numpy(layer(reference.x))
        error = np.max(np.abs(y - reference.y))
        assert error <= tolerance * np.max(np.abs(reference.y))

    return check


@pytest.fixture
def torch():
    return pytest.importorskip(
        "torch", reason="Reading files of PyTorch needs torch."
    )


@pytest.mark.parametrize("as_path", [os.fspath, lambda path: path])
def test_npz_loads(as_path, reference, assert_loads, tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **reference.w)
    assert_loads(as_path(path))


def test_safetensors_loads(reference, assert_loads, tmp_path):
    path = tmp_path / "weights.SAFETENSORS"
    save_file(reference.w, path)
    assert_loads(path)


@pytest.mark.parametrize("suffix", ["pt", "pth", "bin", "ckpt", "pth.tar"])
def test_pytorch_file_loads(suffix, torch, reference, assert_loads, tmp_path):
    path = tmp_path / f"weights.{suffix}"
    state = {f"module.{k}": torch.tensor(v) for k, v in reference.w.items()}
    torch.save({"epoch": 90, "arch": "resnet", "state_dict": state}, path)
    assert_loads(path)


def test_opened_npz_loads(reference, assert_loads, tmp_path):
    np.savez(tmp_path / "weights.npz", **reference.w)
    with np.load(tmp_path / "weights.npz") as file:
        assert_loads(file)


def test_parameters_of_a_module_load(torch, reference, assert_loads):
    tensors = {k: torch.tensor(v).double() for k, v in reference.w.items()}
    module = torch.nn.ParameterDict({"weights": torch.nn.ParameterDict()})
    for name, tensor in tensors.items():
        module["weights"].register_parameter(
            name.replace(".", "-"), torch.nn.Parameter(tensor)
        )
    assert_loads(
        {
            name.replace("-", "."): parameter
            for name, parameter in module.named_parameters()
        }
    )


def test_bfloat16_tensors_load(torch, reference, assert_loads):
    tensors = {
        name: torch.tensor(array, requires_grad=True).bfloat16()
        for name, array in reference.w.items()
    }
    assert_loads(tensors, tolerance=3e-2)


class Tensor:
    """A stand-in for a PyTorch tensor on another device."""

    def __init__(self, array, where="accelerator"):
        self.array, self.where = array, where

    def detach(self):
        return Tensor(self.array, f"{self.where}, detached")

    def cpu(self):
        return Tensor(self.array, self.where.replace("accelerator", "main"))

    def element_size(self):
        return self.array.itemsize

    def float(self):
        assert self.array.itemsize < 4, "This loses digits."
        return Tensor(self.array.astype("float32"), self.where)

    def __array__(self, dtype=None, copy=None):
        if self.where != "main, detached" or self.array.itemsize < 4:
            raise TypeError("This tensor cannot be converted.")
        return self.array


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-5), ("bfloat16", 3e-2)]
)
def test_tensors_of_another_device_load(
    dtype, tolerance, reference, assert_loads
):
    tensors = {
        name: Tensor(array.astype(dtype)) for name, array in reference.w.items()
    }
    assert_loads(tensors, tolerance)


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [("float64", 1e-5), ("float16", 1e-2), ("bfloat16", 3e-2)],
)
def test_other_precisions_load(dtype, tolerance, reference, assert_loads):
    assert_loads(
        {name: array.astype(dtype) for name, array in reference.w.items()},
        tolerance,
    )


def test_tensors_of_the_backend_load(reference, assert_loads):
    convert = keras.ops.convert_to_tensor
    assert_loads({name: convert(array) for name, array in reference.w.items()})


def test_read_only_arrays_load(reference, assert_loads):
    for array in reference.w.values():
        array.flags.writeable = False
    assert_loads(reference.w)


def test_lists_load(reference, assert_loads):
    assert_loads({name: array.tolist() for name, array in reference.w.items()})


def test_lists_that_share_entries_load(layer, reference):
    name = "SpatialGate.spatial.conv.weight"
    row = [0.5] * 7
    load_reference_weights(layer, reference.w | {name: [[[row] * 7] * 2]})
    kernels = [x for x in layer.get_weights() if x.shape == (7, 7, 2, 1)]
    np.testing.assert_array_equal(kernels, np.full((1, 7, 7, 2, 1), 0.5))


def nested(depth, count):
    """Return nested lists, each with `count` times the same entry."""
    value = 1.0
    for _ in range(depth):
        value = [value] * count
    return value


@pytest.mark.parametrize("value", [nested(100, 1), nested(12, 10)])
def test_lists_of_too_many_entries_raise(value, layer, reference):
    name = "SpatialGate.spatial.conv.weight"
    message = error_message(layer, reference.w | {name: value})
    assert f"real numbers. Received: source['{name}']=" in message


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda w: {"state_dict": w, "epoch": 90, "arch": "resnet50"},
        lambda w: {"model": w, "optimizer": {"lr": 0.1}},
        lambda w: {"model": "resnet50", "state_dict": w},
        lambda w: {"model": {"state_dict": w}},
    ],
)
def test_wrapped_weights_load(wrapped, reference, assert_loads):
    assert_loads(wrapped(reference.w))


def test_batch_counts_are_ignored(reference, assert_loads):
    name = "SpatialGate.spatial.bn.num_batches_tracked"
    assert_loads(reference.w | {name: np.int64(7)})


def error_message(layer, source, error=ValueError):
    """Return the message of the error, and check that no weight changed."""
    before = layer.get_weights()
    with pytest.raises(error) as caught:
        load_reference_weights(layer, source)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    return str(caught.value)


@pytest.mark.parametrize(
    "array",
    [
        np.array(["1"]),
        np.array([None]),
        np.array([1j]),
        np.array(["2020-01-01"], "datetime64[D]"),
        [[1.0], [1.0, 2.0]],
        {"kernel": np.ones(1)},
        MappingProxyType({"kernel": np.ones(1)}),
        SimpleNamespace(),
    ],
)
def test_values_that_are_not_numbers_raise(array, layer, reference):
    name = "SpatialGate.spatial.bn.bias"
    message = error_message(layer, reference.w | {name: array})
    assert f"real numbers. Received: source['{name}']=" in message


def quantized(torch, tensor):
    return torch.quantize_per_tensor(tensor, 0.1, 0, torch.quint8)


def nested_tensor(torch, tensor):
    return torch.nested.nested_tensor([tensor, tensor])


TENSORS = [
    ("to_dense", lambda torch, tensor: tensor.to_sparse()),
    ("to_dense", lambda torch, tensor: tensor.to_sparse_csr()),
    ("given numbers", lambda torch, tensor: tensor.to("meta")),
    ("dequantize", quantized),
    ("its own name", nested_tensor),
    ("contiguous", lambda torch, tensor: tensor[:1].expand(9, 3)),
]


@pytest.mark.parametrize("form", ["new", "old", "in memory"])
@pytest.mark.parametrize(("cure", "convert"), TENSORS)
@pytest.mark.filterwarnings("ignore:.*prototype:UserWarning")
@pytest.mark.filterwarnings("ignore:.*beta state:UserWarning")
@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_tensors_that_cannot_be_converted_raise_with_a_cure(
    cure, convert, form, torch, layer, reference, tmp_path
):
    name = "SpatialGate.spatial.bn.bias"
    tensors = {k: torch.tensor(v) for k, v in reference.w.items()}
    if form == "old" and cure == "its own name":
        pytest.skip("PyTorch reads no nested tensors from such files.")
    tensors[name] = convert(torch, torch.ones(2, 3))
    source = {"state_dict": tensors}
    if form != "in memory":
        source = tmp_path / "weights.pth"
        torch.save(
            {"state_dict": tensors},
            source,
            _use_new_zipfile_serialization=form == "new",
        )
    message = error_message(layer, source)
    if form == "in memory" and cure == "contiguous":
        assert f"shape mismatch: '{name}' (found (9, 3)" in message
    else:
        assert cure in message
        assert f"Received: source['{name}']=a " in message


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "int4", "float8_e5m2"])
def test_dtypes_that_npz_cannot_hold_raise(
    dtype, opened, layer, reference, assert_loads, tmp_path
):
    """NumPy stores these dtypes as bytes, and cannot read `float8_e5m2`."""
    path = tmp_path / "weights.npz"
    name = "SpatialGate.spatial.bn.bias"
    dtype = getattr(ml_dtypes, dtype)
    weights = reference.w | {name: reference.w[name].astype(dtype)}
    np.savez(path, **weights)
    if dtype is ml_dtypes.float8_e5m2 and not opened:
        assert_loads(path, tolerance=0.5)
        np.testing.assert_array_equal(read_source(path)[name], weights[name])
    else:
        with np.load(path) as file:
            message = error_message(layer, file if opened else path)
        cure = "Save the array in float32, or as a '.safetensors' file."
        assert cure in message
        assert f"Received: source['{name}']=array of " in message


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3, 5), (700, 600)], ids=str)
def test_npz_of_any_shape_and_order_loads(shape, order, tmp_path):
    """The last shape has more bytes than are read at once."""
    array = np.arange(math.prod(shape)).reshape(shape, order=order)
    arrays = {"a": array.astype(">f4"), "b": array, "c.npy": array > 1}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "weights.npz", **arrays)
        read = read_source(tmp_path / "weights.npz")
        assert list(read) == ["a", "b", "c.npy"]
        for name in read:
            np.testing.assert_array_equal(read[name], arrays[name], strict=True)


def test_npz_of_an_unknown_dtype_raises(layer, tmp_path):
    path = tmp_path / "weights.npz"
    file = io.BytesIO()
    np.save(file, np.ones(3, "<f2"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", file.getvalue().replace(b"<f2", b"<W2"))
    assert "source['a']=array of which NumPy says: " in error_message(
        layer, path
    )


@pytest.mark.parametrize("wrong", ["shape", "end", "header"])
def test_npz_with_a_wrong_header_raises(wrong, layer, tmp_path):
    path = tmp_path / "weights.npz"
    file = io.BytesIO()
    np.save(file, np.ones(3))
    content = file.getvalue()
    corrupted = {
        "shape": content.replace(b"(3,)", b"(4,)"),
        "end": content + b"more",
        "header": content.replace(b"'shape'", b"'shade'"),
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", corrupted[wrong])
    assert "whole file" in error_message(layer, path)


def test_npz_with_fewer_bytes_than_its_directory_says_raises(layer, tmp_path):
    path = tmp_path / "weights.npz"
    file = io.BytesIO()
    np.save(file, np.ones(100))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", file.getvalue()[:-80])
    # The unpacked size in the directory.
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\1\2") + 24
    content[at : at + 4] = len(file.getvalue()).to_bytes(4, "little")
    path.write_bytes(content)
    assert "whole file" in error_message(layer, path)


def test_npz_with_names_that_differ_in_case_is_read(layer, tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, W=np.ones(2), w=np.ones(2))
    assert "whole file" not in error_message(layer, path)


@pytest.mark.parametrize("source", [None, 7, [("a", 1)], b"weights.npz"])
def test_source_that_is_not_a_mapping_raises(source, layer):
    message = error_message(layer, source)
    assert message.endswith(f"Received: source={source!r}")


def test_message_gives_the_length_of_a_list(layer):
    class Names(list):
        pass

    message = error_message(layer, Names("abc"))
    assert message.endswith("Received: source=Names of 3 entries")


@pytest.mark.parametrize("name", ["weights.h5", "weights", "weights.npz.gz"])
def test_unknown_ending_raises(name, layer, tmp_path):
    message = error_message(layer, tmp_path / name)
    assert ".npz, .onnx, .safetensors, .pt, " in message
    assert message.endswith(f"{name}'")


@pytest.mark.parametrize("ending", ["npz", "safetensors", "pth"])
def test_missing_file_raises(ending, layer, tmp_path):
    path = tmp_path / f"weights.{ending}"
    assert str(path) in error_message(layer, path, FileNotFoundError)


def test_objects_in_npz_raise(layer, reference, tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **reference.w, extra=np.array([{}]))
    assert "no Python objects" in error_message(layer, path)


def test_objects_in_a_pytorch_file_raise(torch, layer, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": {}, "args": SimpleNamespace(lr=0.1)}, path)
    assert "no Python objects" in error_message(layer, path)


def test_pytorch_file_of_one_tensor_raises(torch, layer, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(torch.ones(3), path)
    assert "`source` must be a mapping" in error_message(layer, path)


def test_single_array_raises(layer, tmp_path):
    with open(tmp_path / "weights.npz", "wb") as file:
        np.save(file, np.ones(3))
    assert "whole file in the format" in error_message(
        layer, tmp_path / "weights.npz"
    )


@pytest.mark.parametrize("kept", [0, 5, 100, -30])
def test_truncated_npz_raises(kept, layer, reference, tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **reference.w)
    assert_truncated_raises(layer, path, kept)


@pytest.mark.parametrize("kept", [0, 5, 100, -30])
def test_truncated_safetensors_raises(kept, layer, reference, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(reference.w, path)
    assert_truncated_raises(layer, path, kept)


@pytest.mark.parametrize("kept", [0, 5, 100, -30])
def test_truncated_pytorch_file_raises(kept, torch, layer, reference, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({k: torch.tensor(v) for k, v in reference.w.items()}, path)
    assert_truncated_raises(layer, path, kept)


def assert_truncated_raises(layer, path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    message = error_message(layer, path)
    assert "`source` must be a whole file" in message
    assert message.endswith(f"Received: source={str(path)!r}")


@pytest.mark.parametrize(
    ("ending", "library", "cure"),
    [
        ("safetensors", "safetensors", "pip install safetensors"),
        ("onnx", "onnx", "pip install onnx"),
        ("pth", "torch", "pip install torch"),
    ],
)
def test_missing_library_raises(
    ending, library, cure, layer, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setitem(sys.modules, f"{library}.numpy", None)
    path = tmp_path / f"weights.{ending}"
    path.touch()
    assert f"`{cure}`" in error_message(layer, path, ImportError)
