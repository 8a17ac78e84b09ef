import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from contract.case import assert_close
from contract.case import to_numpy
from golden import Golden
from keras_attention import EfficientChannelAttention

# A PyTorch kernel has the axes outputs, inputs, size.
WEIGHTS = {"conv.weight": ("kernel", np.transpose)}


@BOTH_WAYS
@pytest.mark.parametrize(
    ("file", "arguments"),
    [("eca", {}), ("eca_circular", {"kernel_size": 5, "circular": True})],
)
def test_golden(file, arguments, data_format, compiled):
    case = Golden(
        file, lambda **k: EfficientChannelAttention(**arguments, **k), WEIGHTS
    )
    golden.check_results(case, data_format, compiled)


@pytest.mark.parametrize(
    ("channels", "size"),
    [(1, 3), (16, 3), (64, 3), (128, 5), (512, 5), (1024, 5), (2048, 7)],
)
def test_kernel_size_follows_the_rule_of_the_paper(channels, size):
    layer = EfficientChannelAttention()
    layer.build((None, 4, 4, channels))
    assert [w.path.rpartition("/")[2] for w in layer.weights] == ["kernel"]
    assert layer.kernel.shape == (size, 1, 1)
    assert layer.kernel_size is None


def test_even_kernel_raises():
    with pytest.raises(ValueError, match=r"odd.*Received: kernel_size=4"):
        EfficientChannelAttention(4)


def test_circular_kernel_much_larger_than_the_channels_raises():
    layer = EfficientChannelAttention(9, circular=True)
    with pytest.raises(ValueError, match=r"at most 7,.*kernel_size=9"):
        layer.build((None, 4, 4, 3))


def test_each_tap_of_a_circular_kernel_reads_the_only_channel():
    layer = EfficientChannelAttention(circular=True, gate_activation="linear")
    x = np.full((1, 2, 2, 1), 5, "float32")
    layer.build(x.shape)
    layer.kernel.assign(np.array([1, 2, 3], "float32").reshape(3, 1, 1))
    assert_close(layer.attention(x), np.full((1, 1, 1, 1), 30, "float32"))


@pytest.mark.parametrize("circular", [False, True])
def test_first_channel_is_next_to_the_last_if_circular(circular, rng):
    layer = EfficientChannelAttention(3, circular=circular)
    x = rng.normal(size=(1, 2, 2, 8)).astype("float32")
    before = to_numpy(layer.attention(x))[0, 0, 0]
    x[..., 7] += 1
    changed = to_numpy(layer.attention(x))[0, 0, 0] != before
    assert np.flatnonzero(changed).tolist() == [0] * circular + [6, 7]


def test_kernel_is_initialized_as_in_pytorch():
    layer = EfficientChannelAttention(255)
    layer.build((None, 4, 4, 512))
    kernel = np.abs(to_numpy(layer.kernel))
    assert 0.9 < kernel.max() * np.sqrt(255) <= 1


def test_gate_of_constant_weights_is_a_moving_mean(rng):
    layer = EfficientChannelAttention(3, gate_activation="linear")
    layer.build((None, 1, 1, 6))
    layer.kernel.assign(np.full((3, 1, 1), 1 / 3))
    x = np.arange(6, dtype="float32").reshape(1, 1, 1, 6)
    expected = np.array([1 / 3, 1, 2, 3, 4, 3], "float32").reshape(x.shape)
    assert_close(layer.attention(x), expected)
