"""Every numeric dtype loads from every source; errors change no weight."""

import json
import struct

import keras
import ml_dtypes
import numpy as np
import pytest

from keras_attention import SqueezeExcite
from keras_attention import export_reference_weights
from keras_attention import load_reference_weights
from keras_attention.models import SEResNet18

NAMES = {"fc1.weight": (4, 16), "fc2.weight": (16, 4)}
SAFETENSORS = {
    "bool": "BOOL",
    "uint8": "U8",
    "int64": "I64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
}
# NumPy writes the dtype of all of them as `|V1`.
NOT_IN_NPZ = [x for x in SAFETENSORS if x[:6] == "float8" and x[6:] != "_e5m2"]


def numpy_dtype(name):
    return np.dtype(getattr(ml_dtypes, name, name))


def weights(dtype="float32"):
    """Return powers of two, which all of these dtypes can represent."""
    rng = np.random.default_rng(0)
    low, high = (0, 1) if dtype[0] in "biu" else (-3, 3)
    return {
        name: (2.0 ** rng.integers(low, high, shape)).astype(numpy_dtype(dtype))
        for name, shape in NAMES.items()
    }


def save_safetensors(path, entries):
    """Write entries of (dtype, shape, bytes) by name."""
    header, body = {}, b""
    for name, (dtype, shape, data) in entries.items():
        offsets = [len(body), len(body) + len(data)]
        fields = {"dtype": dtype, "shape": shape}
        header[name] = {**fields, "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def as_safetensors(path, arrays):
    return save_safetensors(
        path / "weights.safetensors",
        {
            name: (SAFETENSORS[a.dtype.name], a.shape, a.tobytes())
            for name, a in arrays.items()
        },
    )


def as_npz(path, arrays):
    np.savez(path / "weights.npz", **arrays)
    return path / "weights.npz"


def as_mapping(path, arrays):
    return arrays


def as_torch(path, arrays):
    torch = pytest.importorskip("torch", reason="It writes a PyTorch file.")
    tensors = {
        name: torch.tensor(array.astype("float32")).to(
            getattr(torch, array.dtype.name)
        )
        for name, array in arrays.items()
    }
    torch.save(tensors, path / "weights.pth")
    return path / "weights.pth"


@pytest.fixture
def layer():
    layer = SqueezeExcite(4)
    layer.build((None, 4, 4, 16))
    return layer


def error_message(target, source, error=ValueError):
    """Return the message of the error, and check that no weight changed."""
    before = target.get_weights()
    with pytest.raises(error) as caught:
        load_reference_weights(target, source)
    for old, new in zip(before, target.get_weights(), strict=True):
        assert np.asarray(old).tobytes() == np.asarray(new).tobytes()
    return str(caught.value)


@pytest.mark.parametrize("dtype", SAFETENSORS)
@pytest.mark.parametrize(
    "write", [as_safetensors, as_npz, as_mapping, as_torch]
)
def test_every_numeric_dtype_loads(write, dtype, layer, tmp_path):
    arrays = weights(dtype)
    source = write(tmp_path, arrays)
    if write is as_npz and dtype in NOT_IN_NPZ:
        assert "fc1.weight" in error_message(layer, source)
    else:
        load_reference_weights(layer, source)
        kernel = keras.ops.convert_to_numpy(layer.squeeze.kernel)
        expected = arrays["fc1.weight"].T.astype("float32")
        np.testing.assert_array_equal(kernel, expected)


@pytest.mark.parametrize("dtype", ["longdouble", "int4", "float6_e2m3fn"])
def test_dtypes_that_no_file_has_load_from_arrays(dtype, layer):
    load_reference_weights(layer, weights(dtype))


@pytest.mark.parametrize("dtype", ["C64", "F4", "F128"])
def test_dtypes_that_are_not_real_numbers_raise(dtype, layer, tmp_path):
    source = save_safetensors(
        tmp_path / "weights.safetensors",
        {"fc1.weight": (dtype, [4, 16], bytes(512))},
    )
    message = error_message(layer, source)
    assert "real numbers. Received: source['fc1.weight']=array of" in message
    assert message.endswith((dtype, "complex64"))


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float32", 1e300),
        ("float32", np.longdouble("1e4000")),
        ("float16", 1e6),
        ("float16", 100_000),
        ("bfloat16", 3.4e38),
        ("float32", np.nan),
    ],
)
def test_values_that_are_not_finite_in_the_target_dtype_raise(dtype, value):
    target = SqueezeExcite(4, dtype=dtype)
    target.build((None, 4, 4, 16))
    source = weights("longdouble")
    source["fc2.weight"] = np.full((16, 4), value)
    if dtype == "bfloat16":
        source["fc2.weight"] = np.full((16, 4), 3.4e38, "float32")
    message = error_message(target, source)
    assert message.endswith("Received: not finite=['fc2.weight']")
    assert dtype in message


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("last", [1, 2])
def test_errors_during_assignment_restore_all_weights(
    last, error, layer, monkeypatch
):
    count = 0
    assign = keras.Variable.assign

    def fail(self, value):
        nonlocal count
        count += 1
        assign(self, value)
        if count == last:
            raise error("The assignment failed.")

    monkeypatch.setattr(keras.Variable, "assign", fail)
    error_message(layer, weights(), error)
    assert count >= last


def test_networks_load_all_weights_or_none():
    model = SEResNet18(input_shape=(32, 32, 3), classes=2)
    source = export_reference_weights(model, "timm_legacy")
    last = next(reversed(source))
    source = {name: array + 1 for name, array in source.items()}
    source[last] = np.full(source[last].shape, 1e300)
    assert f"not finite=['{last}']" in error_message(model, source)
