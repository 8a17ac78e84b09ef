"""`sample_offsets`: values, gradients and sampling locations."""

import keras
import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention.ops import sample_offsets
from references import deformable

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 7, 3)).astype("float32")
PER_CHANNEL = RNG.normal(size=(*X.shape, 2)).astype("float32") * 2
SHARED = PER_CHANNEL[:, :, :, 0]
COTANGENT = RNG.normal(size=X.shape).astype("float32")


class Function(keras.layers.Layer):
    """`sample_offsets` as a layer, which `autodiff.vjp` can differentiate."""

    def __init__(self, data_format="channels_last"):
        super().__init__()
        self.built = True
        self.data_format = data_format

    def call(self, x, offsets, training=None):
        return sample_offsets(x, offsets, data_format=self.data_format)


def reference(x, offsets):
    if offsets.ndim == 4:
        offsets = np.repeat(offsets[..., np.newaxis, :], x.shape[-1], axis=-2)
    return deformable.clamped(x, offsets)


def moved(offsets, data_format):
    """Convert offsets to a data format; shared offsets do not change."""
    if data_format == "channels_first" and offsets.ndim == 5:
        return np.moveaxis(offsets, 3, 1)
    return offsets


def test_golden(data_format):
    arrays = golden.load("deform_offsets")
    outputs = sample_offsets(
        to_layout(arrays["x"][..., np.newaxis], data_format),
        arrays["offsets"],
        data_format=data_format,
    )
    assert_close(to_last(outputs, data_format)[..., 0], arrays["y"])


@BOTH_WAYS
@pytest.mark.parametrize("offsets", [PER_CHANNEL, SHARED], ids=["own", "all"])
def test_gradients_are_those_of_the_equation(offsets, data_format, compiled):
    outputs, (dx, gradient), _ = vjp(
        Function(data_format),
        [to_layout(X, data_format), moved(offsets, data_format)],
        to_layout(COTANGENT, data_format),
        compiled=compiled,
    )
    point = [X.astype("float64"), offsets.astype("float64")]
    assert_close(to_last(outputs, data_format), reference(*point))
    if data_format == "channels_first" and offsets.ndim == 5:
        gradient = np.moveaxis(gradient, 1, 3)
    rng = np.random.default_rng(1)
    for index, found in enumerate((to_last(dx, data_format), gradient)):
        v = rng.normal(size=found.shape) * 1e-6
        ahead, behind = list(point), list(point)
        ahead[index] = point[index] + v
        behind[index] = point[index] - v
        rise = ((reference(*ahead) - reference(*behind)) * COTANGENT).sum() / 2
        scale = np.linalg.norm(found) * np.linalg.norm(v)
        assert abs((found * v).sum() - rise) <= 1e-5 * scale, index


def test_gradient_of_offsets_is_zero_at_whole_pixels_and_outside():
    for move in (0, 1, -2, 6.5, -6.5):
        offsets = np.full((*X.shape, 2), move, "float32")
        if move % 1:
            offsets[:, :3] = -offsets[:, :3]
            offsets[:] = np.where(offsets > 0, 20.5, -20.5)
        _, (dx, gradient), _ = vjp(Function(), [X, offsets], COTANGENT)
        assert not gradient.any()
        assert dx.any()
    offsets = np.full((*X.shape, 2), 0.3, "float32")
    _, (_, gradient), _ = vjp(Function(), [X, offsets], COTANGENT)
    assert gradient[:, :-1, :-1].all()


def test_each_coordinate_is_clamped_to_its_own_axis():
    for axis, index in ((0, np.s_[:, -1:]), (1, np.s_[:, :, -1:])):
        offsets = np.zeros((2, 5, 7, 2), "float32")
        offsets[..., axis] = 100
        expected = np.broadcast_to(X[index], X.shape)
        assert_close(Function()(X, offsets), expected)


@pytest.mark.parametrize("far", [np.inf, -np.inf, 3e38, -3e38, 2**31, -1e9])
def test_far_locations_stay_in_the_map(far):
    offsets = np.full((*X.shape, 2), far, "float32")
    outputs, gradients, _ = vjp(Function(), [X, offsets], COTANGENT)
    corner = X[:, -1:, -1:] if far > 0 else X[:, :1, :1]
    assert_close(outputs, np.broadcast_to(corner, X.shape))
    for gradient in gradients:
        assert np.isfinite(gradient).all()
    assert not gradients[1].any()


def test_nan_locations_have_nan_outputs():
    offsets = np.full((*X.shape, 2), np.nan, "float32")
    assert np.isnan(to_numpy(Function()(X, offsets))).all()


def test_integers_are_converted_to_floats():
    x = np.array([[1, 2, 4]]).reshape(1, 1, 3, 1)
    offsets = np.full((1, 1, 3, 2), 0.5, "float32")
    y = sample_offsets(x, offsets, data_format="channels_last")
    assert to_numpy(y).ravel().tolist() == [1.5, 3, 4]


@pytest.mark.parametrize(
    ("x", "offsets", "match"),
    [
        (X[0], PER_CHANNEL, "`inputs` must have rank 4"),
        (X, PER_CHANNEL[0, 0], "`offsets` must have shape"),
        (X, PER_CHANNEL[..., :1], "`offsets` must have shape"),
        (X, PER_CHANNEL[..., :2, :], "`offsets` must have shape"),
        (X, SHARED[:, :4], "`offsets` must have shape"),
    ],
)
def test_incompatible_shapes_raise(x, offsets, match):
    with pytest.raises(ValueError, match=match) as error:
        sample_offsets(x, offsets, data_format="channels_last")
    assert "Received: " in str(error.value)
