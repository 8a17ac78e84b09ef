"""Malicious files run no code, and take little time and memory."""

import io
import json
import os
import pickle
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from safetensors.numpy import save_file

import keras_attention
from corruption import all_equal
from keras_attention import DynamicCapacityNetwork
from keras_attention import IdentityStart
from keras_attention import SpatialTransformer
from keras_attention import SqueezeExcite
from keras_attention import load_reference_weights
from keras_attention.checkpoints import _archives
from keras_attention.checkpoints import _torch_checks

TERABYTES = 2**43
MEBIBYTE = 2**20


@pytest.fixture
def layer():
    layer = SqueezeExcite(reduction=4)
    layer.build((None, 4, 4, 16))
    return layer


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="It writes a PyTorch file.")


class Payload:
    """An object that makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def error_message(layer, source):
    """Return the message of the error; check memory and weights."""
    before = layer.get_weights()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"^`source` must ") as caught:
            load_reference_weights(layer, source)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MEBIBYTE
    assert all_equal(layer.get_weights(), before)
    return str(caught.value)


@pytest.mark.parametrize("form", ["new", "old", "bare"])
@pytest.mark.parametrize("name", ["weights.pth", "weights.pth.tar", "a.bin"])
def test_pickled_code_in_a_pytorch_file_does_not_run(
    form, name, torch, layer, tmp_path
):
    path, folder = tmp_path / name, tmp_path / "made"
    payload = {"fc.0.weight": Payload(folder)}
    if form == "bare":
        path.write_bytes(pickle.dumps(payload))
    else:
        torch.save(payload, path, _use_new_zipfile_serialization=form == "new")
    assert "no Python objects" in error_message(layer, path)
    assert not folder.exists()
    pickle.loads(pickle.dumps(payload))  # Plain unpickling runs the code.
    assert folder.exists()


def test_pickled_code_in_an_npz_does_not_run(layer, tmp_path):
    path, folder = tmp_path / "weights.npz", tmp_path / "made"
    np.savez(path, **{"fc.0.weight": np.array([Payload(folder)], object)})
    assert "no Python objects" in error_message(layer, path)
    assert not folder.exists()


def test_pickle_with_the_ending_of_npz_does_not_run(layer, tmp_path):
    path, folder = tmp_path / "weights.npz", tmp_path / "made"
    path.write_bytes(pickle.dumps(Payload(folder)))
    error_message(layer, path)
    assert not folder.exists()


def safetensors(header, length=None):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def header_of(shape, end):
    tensor = {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}
    return safetensors({"fc.0.weight": tensor})


@pytest.mark.parametrize(
    "content",
    [
        safetensors({}, length=TERABYTES),
        safetensors({}, length=2**64 - 1),
        header_of([2**20, 2**21], TERABYTES),
        header_of([2**20, 2**21], 0),
        header_of([2**31, 2**31, 2**31], 0),
    ],
    ids=["header", "no header", "data", "shape", "overflow"],
)
def test_safetensors_with_a_huge_size_raises(content, layer, tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    error_message(layer, path)


def npy(shape, content=b""):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    return file.getvalue() + content


@pytest.mark.parametrize("shape", [(TERABYTES,), (2**62, 2**62)], ids=str)
def test_npz_with_a_huge_shape_raises(shape, layer, tmp_path):
    path = tmp_path / "weights.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fc.0.weight.npy", npy(shape, bytes(256)))
    error_message(layer, path)


def test_npz_that_unpacks_to_far_more_bytes_raises(layer, tmp_path):
    path = tmp_path / "weights.npz"
    size = 128 * MEBIBYTE
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fc.0.weight.npy", npy((size // 4,), bytes(size)))
    assert path.stat().st_size < MEBIBYTE
    error_message(layer, path)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_tensor_expanded_from_one_number_raises(dtype, torch, layer, tmp_path):
    path = tmp_path / "weights.pth"
    one = torch.ones(1, dtype=getattr(torch, dtype))
    torch.save({"fc.0.weight": one.expand(TERABYTES)}, path)
    assert path.stat().st_size < MEBIBYTE
    message = error_message(layer, path)
    assert "`tensor.contiguous()`" in message
    assert "source['fc.0.weight']=a tensor expanded from 1 numbers" in message


@pytest.mark.parametrize("nesting", ["flat", "nested"])
def test_list_of_tensors_raises(nesting, torch, layer, tmp_path):
    path = tmp_path / "weights.pth"
    lists = [torch.zeros(MEBIBYTE)] * 1000
    lists = [lists] * 1000 if nesting == "nested" else lists
    torch.save({"fc.0.weight": lists}, path)
    assert "source['fc.0.weight']=a list of tensors" in error_message(
        layer, path
    )


def lambda_layer():
    """Return a layer that runs code from a file when it is loaded."""
    return keras.layers.Lambda(lambda x: x, output_shape=lambda shape: shape)


def convolution(filters, size):
    return keras.layers.Conv2D(filters, size)


OUTER_LAYERS = {
    "localization": lambda: SpatialTransformer(
        keras.Sequential([lambda_layer(), keras.layers.Flatten()])
    ),
    "layer": lambda: IdentityStart(lambda_layer()),
    "coarse": lambda: DynamicCapacityNetwork(
        keras.Sequential([lambda_layer(), convolution(4, 3)]),
        convolution(4, 3),
        keras.layers.GlobalAveragePooling2D(),
        patch_size=3,
        patch_stride=1,
    ),
    "top": lambda: DynamicCapacityNetwork(
        convolution(4, 3),
        convolution(4, 3),
        keras.Sequential(
            [lambda_layer(), keras.layers.GlobalAveragePooling2D()]
        ),
        patch_size=3,
        patch_stride=1,
    ),
}


@pytest.mark.parametrize("argument", OUTER_LAYERS)
def test_lambda_inside_a_layer_needs_unsafe_mode(argument, tmp_path):
    path = tmp_path / "model.keras"
    model = keras.Sequential([keras.Input((9, 9, 4)), OUTER_LAYERS[argument]()])
    model.save(path)
    with pytest.raises(ValueError, match="safe_mode=False"):
        keras.models.load_model(path)


@pytest.mark.parametrize(
    "payload",
    [
        {"module": "os", "class_name": "function", "config": "system"},
        {"module": "builtins", "class_name": "function", "config": "eval"},
        {"class_name": "__lambda__", "config": {"value": "4wEA"}},
        "eval",
    ],
    ids=str,
)
def test_activation_that_names_a_function_raises(payload, tmp_path):
    path = tmp_path / "model.keras"
    model = keras.Sequential([keras.Input((5, 5, 8)), SqueezeExcite(4)])
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    (own,) = (
        layer["config"]
        for layer in config["config"]["layers"]
        if layer["class_name"] == "SqueezeExcite"
    )
    own["gate_activation"] = payload
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises((TypeError, ValueError)):
        keras.models.load_model(path)


def test_layers_do_not_use_lambda():
    """So files with layers of this package never need `safe_mode=False`."""
    package = Path(keras_attention.__file__).parent
    # This module copies the Lambda layers of a given model.
    copies = package / "surgery" / "_layers.py"
    paths = set(package.rglob("*.py")) - {copies}
    sources = [path.read_text() for path in paths]
    assert len(sources) > 50
    assert not any("Lambda" in source for source in sources)
    assert not any("safe_mode" in source for source in sources)


def pytorch_file(pickled, records=()):
    """Return the bytes of a PyTorch file with a pickle and storages."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}X\1\0\0\0a" + pickled + b"s.")
        for key, content in enumerate(records):
            archive.writestr(f"a/data/{key}", content)
    return file.getvalue()


def call(name, arguments):
    return b"c" + name.encode().replace(b".", b"\n") + b"\n" + arguments + b"R"


ENCODED = b"c_codecs\nencode\nX\4\0\0\0aaaaX\5\0\0\0ascii\x86R"
for _ in range(40):
    ENCODED = b"c_codecs\nencode\n" + ENCODED + b"X\3\0\0\0hex\x86R"

STORAGE = (
    b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\x000X\3\0\0\0cpu"
    b"J" + struct.pack("<i", 2**30) + b"tQ"
)


@pytest.mark.parametrize(
    "content",
    [
        pytorch_file(b"N", [bytes(128 * MEBIBYTE)]),
        pytorch_file(STORAGE, [bytes(64)]),
        pytorch_file(STORAGE),
        pytorch_file(ENCODED),
        pytorch_file(call("builtins.bytearray", b"J\0\0\0\x40\x85")),
        pytorch_file(call("torch.FloatTensor", b"J\0\0\0\x40\x85")),
        pytorch_file(b")" + b"q\1h\1\x86" * 64),
        pytorch_file(b"})" + b"q\1h\1\x86" * 64 + b"Ns"),
        pytorch_file(b"]" + b"q\1]h\1ah\1a" * 64),
        pytorch_file(b"\x8c\1a"),
    ],
    ids=[
        "zeros",
        "storage",
        "no storage",
        "encoded",
        "bytes",
        "tensor",
        "tuples",
        "key",
        "lists",
        "opcode",
    ],
)
def test_pytorch_file_that_needs_much_memory_or_time_raises(
    content, torch, layer, tmp_path
):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    error_message(layer, path)


def test_two_entries_with_names_that_differ_in_case_raise(
    torch, layer, tmp_path
):
    path = tmp_path / "weights.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}.")
        archive.writestr("a/DATA.pkl", b"\x80\x02}.")
    error_message(layer, path)


def test_old_pytorch_file_with_a_huge_storage_raises(torch, layer, tmp_path):
    path = tmp_path / "weights.pth"
    tensors = {"fc.0.weight": torch.zeros(64)}
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    enlarged = content.replace(b"K@", b"J" + struct.pack("<i", 2**30))
    assert enlarged != content
    path.write_bytes(enlarged)
    error_message(layer, path)


def test_many_tensors_that_share_a_storage_raise(torch, layer, tmp_path):
    path = tmp_path / "weights.pth"
    tensor = torch.zeros(MEBIBYTE, dtype=torch.bfloat16)
    torch.save({str(index): tensor for index in range(400)}, path)
    error_message(layer, path)


@pytest.mark.parametrize("ending", ["npz", "safetensors", "pth"])
@pytest.mark.parametrize("linked", [False, True])
def test_pipes_raise_without_waiting(linked, ending, layer, tmp_path):
    if ending == "pth":
        pytest.importorskip("torch", reason="It would read the file.")
    path = tmp_path / f"weights.{ending}"
    pipe = tmp_path / "pipe" if linked else path
    if not hasattr(os, "mkfifo"):
        pytest.skip("This system has no named pipes.")
    os.mkfifo(pipe)
    if linked:
        path.symlink_to(pipe)
    assert "neither a pipe nor a device" in error_message(layer, path)


def test_file_that_changes_while_it_is_read_raises(
    layer, tmp_path, monkeypatch
):
    path = tmp_path / "weights.npz"
    np.savez(path, **{"fc.0.weight": np.ones((4, 16))})
    open_entry = zipfile.ZipFile.open

    def change(*args, **kwargs):
        with path.open("ab") as file:
            file.write(b"more")
        return open_entry(*args, **kwargs)

    monkeypatch.setattr(zipfile.ZipFile, "open", change)
    assert "must not change" in error_message(layer, path)


@pytest.mark.parametrize(
    "names",
    [
        ["." * 2_000_000],
        ["._/" * 200_000 + "fc.0.weight"],
        [f"{index}.{'fc.0.weight.' * 300}x" for index in range(1000)],
        ["x." * 40_000 + f"{index}.fc.0.weight" for index in range(20)],
        [f"layer.{index}.fc.0.weight" for index in range(5000)],
    ],
    ids=["dots", "words", "many", "one prefix", "more"],
)
def test_unknown_names_raise_soon_with_a_short_message(names, layer):
    start = time.process_time()
    with pytest.raises(ValueError, match=r"^`source` must ") as caught:
        load_reference_weights(layer, dict.fromkeys(names, np.ones(1)))
    assert time.process_time() - start < 2
    assert len(str(caught.value)) < 500 * (len(names) + 5)


@pytest.mark.parametrize("again", ["fc.0.weight", "fc.0\\u002eweight"])
def test_safetensors_with_a_repeated_name_raises(again, layer, tmp_path):
    entry = '{"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}'
    text = f'{{"fc.0.weight": {entry}, "{again}": {entry}}}'.encode()
    path = tmp_path / "weights.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    assert "whole file" in error_message(layer, path)


def many_in_safetensors(path, count):
    entry = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    entries = ",".join(f'"{index}":{entry}' for index in range(count))
    text = f"{{{entries}}}".encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def write_onnx(path, arrays):
    tensors = [onnx.numpy_helper.from_array(a, n) for n, a in arrays.items()]
    save_onnx(path, tensors)


def save_onnx(path, tensors):
    graph = onnx.helper.make_graph([], "network", [], [], tensors)
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())


def many_in_onnx(path, count):
    tensors = (
        onnx.TensorProto(name=str(index), data_type=1, dims=[0])
        for index in range(count)
    )
    save_onnx(path, tensors)


@pytest.mark.parametrize("dims", [(2**40,), (2**31, 2**31, 2**31), (-4, 16)])
@pytest.mark.parametrize("data", [{}, {"raw_data": bytes(256)}])
def test_onnx_with_a_huge_shape_raises(dims, data, layer, tmp_path):
    path = tmp_path / "weights.onnx"
    tensor = onnx.TensorProto(
        name="fc.0.weight", data_type=1, dims=dims, **data
    )
    save_onnx(path, [tensor])
    assert "`source` must " in error_message(layer, path)


def many_in_archive(path, count):
    """Write an archive whose directory has many names for one entry."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("01234567", npy((0,)))
    content = path.read_bytes()
    start, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    before, after = content[start:end].split(b"01234567")
    entries = [before + b"%08x" % index + after for index in range(count)]
    size = struct.pack("<I", sum(map(len, entries)))
    path.write_bytes(
        content[:start]
        + b"".join(entries)
        + content[end : end + 12]
        + size
        + content[end + 16 :]
    )


def many_of_one_storage(path, count, old=False):
    """Write a PyTorch file with many tensors of one storage."""
    torch = pytest.importorskip("torch", reason="It writes a PyTorch file.")
    tensor = b"tq\1QK\0K\0\x85q\2K\1\x85q\3\x89h\4)Rtq\5Rq\6"
    pickled = b"\x80\x02](" + tensor * count + b"e."
    if old:
        torch.save({}, path, _use_new_zipfile_serialization=False)
        content = path.read_bytes()
        assert content.count(b"\x80\x02}q\0.") == 1
        path.write_bytes(content.replace(b"\x80\x02}q\0.", pickled))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl", pickled)


def many_of_one_storage_in_old_format(path, count):
    many_of_one_storage(path, count, old=True)


@pytest.mark.parametrize(
    ("ending", "write"),
    [
        ("safetensors", many_in_safetensors),
        ("npz", many_in_archive),
        ("onnx", many_in_onnx),
        ("pth", many_in_archive),
        ("pth", many_of_one_storage),
        ("pth", many_of_one_storage_in_old_format),
    ],
)
def test_too_many_arrays_raise_soon(write, ending, layer, tmp_path):
    if ending == "pth":
        pytest.importorskip("torch", reason="It would read the file.")
    path = tmp_path / f"weights.{ending}"
    write(path, 200_000)
    start = time.process_time()
    with pytest.raises(ValueError, match="at most 100000 arrays") as caught:
        load_reference_weights(layer, path)
    assert time.process_time() - start < 1.5
    assert str(caught.value).endswith(f"Received: source={str(path)!r}")


def write_torch(path, arrays, **kwargs):
    torch = pytest.importorskip("torch", reason="It writes a PyTorch file.")
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    torch.save(tensors, path, **kwargs)


@pytest.mark.parametrize(
    ("ending", "write"),
    [
        ("safetensors", lambda path, arrays: save_file(arrays, path)),
        ("npz", lambda path, arrays: np.savez(path, **arrays)),
        ("onnx", write_onnx),
        ("pth", write_torch),
        (
            "pth",
            lambda path, arrays: write_torch(
                path, arrays, _use_new_zipfile_serialization=False
            ),
        ),
    ],
)
@pytest.mark.parametrize("fast", [True, False])
def test_limit_of_the_number_of_arrays_is_exact(
    fast, write, ending, layer, tmp_path, monkeypatch
):
    monkeypatch.setattr(_archives, "MAX_ARRAYS", 5)
    if not fast:  # as for a file that was not written by PyTorch
        monkeypatch.setattr(
            _torch_checks, "_count_saved_tensors", lambda pickled: 0
        )
    path = tmp_path / f"weights.{ending}"
    arrays = {str(index): np.ones(3, "float32") for index in range(5)}
    write(path, arrays)
    assert "must name its weights" in error_message(layer, path)
    assert "must name its weights" in error_message(layer, arrays)
    arrays["5"] = np.ones(3, "float32")
    write(path, arrays)
    assert "at most 5 arrays" in error_message(layer, path)
    message = error_message(layer, arrays)
    assert message.endswith("Received: source=dict of 6 entries")
