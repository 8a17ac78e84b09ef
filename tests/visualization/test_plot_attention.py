"""`plot_attention`: every kind of attention, and what a figure says of it."""

import re
import sys

import numpy as np
import pytest
from keras import layers

import keras_attention
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import plot_attention

COUNT, SIDE = 4, 8


@pytest.fixture
def images(rng):
    return rng.uniform(size=(COUNT, SIDE, SIDE, 3))


def panel(figure, index=0):
    """Return the axes of the rows of pictures, those of a colour bar apart."""
    axes = figure.subfigs[index].axes
    bars = [a for a in axes if a.get_label() == "<colorbar>"]
    return [a for a in axes if a not in bars], bars


def words(figure):
    figure.canvas.draw()  # so that all of it is seen to be drawn
    return " ".join(
        text.get_text().replace("\n", " ")
        for text in figure.findobj(lambda x: hasattr(x, "get_text"))
    )


def test_heat_over_images(images, rng):
    heat = rng.uniform(size=(COUNT, SIDE, SIDE, 1))
    figure = plot_attention(heat, images, title="all of it")
    pictures, (bar,) = panel(figure)
    assert len(pictures) == 2 * COUNT
    np.testing.assert_allclose(pictures[0].images[0].get_array(), images[0])
    for axis, expected in zip(pictures[COUNT:], heat, strict=True):
        shown = axis.images[-1]
        np.testing.assert_allclose(shown.get_array(), expected[..., 0])
        assert shown.get_clim() == (heat.min(), heat.max())
    assert bar.get_ylabel() == "weight"
    said = words(figure)
    for word in ("all of it", "attention weight of each", "image 3"):
        assert word in said
    # Rows stand in columns.
    left = [axis.get_position().x0 for axis in pictures]
    assert left[:COUNT] == pytest.approx(left[COUNT:])


def test_heat_alone_and_coarse(images, rng):
    heat = np.full((COUNT, 2, 3, 1), 0.5)
    pictures, _ = panel(plot_attention(heat))
    assert len(pictures) == COUNT
    assert pictures[0].images[0].get_clim() == (0, 1)
    over = plot_attention(heat, images, samples=[2])
    pictures, _ = panel(over)
    assert len(pictures) == 2
    assert pictures[1].images[-1].get_extent() == [-0.5, 7.5, 7.5, -0.5]
    assert "image 2" in words(over)


def test_maps_of_several_channels(images, rng):
    mask = rng.uniform(size=(COUNT, SIDE, SIDE, 3))
    figure = plot_attention(mask, images)
    pictures, _ = panel(figure)
    np.testing.assert_allclose(
        pictures[-1].images[-1].get_array(), mask[-1].mean(-1)
    )
    assert "weight, mean of 3 channels" in words(figure)
    assert len(figure.subfigs) == 2
    layer = keras_attention.SpatialGroupEnhance(3)
    figure = plot_attention(mask, images, layer=layer, channels=[2, 0])
    pictures, _ = panel(figure)
    assert len(pictures) == 3 * COUNT
    np.testing.assert_allclose(
        pictures[COUNT].images[-1].get_array(), mask[0, ..., 2]
    )
    assert "weight, group 0" in words(figure)
    assert len(figure.subfigs) == 1


def test_gates(rng):
    gates = rng.uniform(size=(COUNT, 1, 1, 5))
    labels = [7, 3, 3, 7]
    figure = plot_attention(
        gates, labels=labels, class_names=dict(enumerate("abcdefgh"))
    )
    line, classes = panel(figure)[0]
    order = gates.mean(0)[0, 0].argsort()
    np.testing.assert_allclose(
        line.lines[0].get_ydata(), gates.mean(0)[0, 0, order]
    )
    apart = classes.images[0].get_array()
    expected = gates[[1, 2], 0, 0].mean(0) - gates[:, 0, 0].mean(0)
    np.testing.assert_allclose(apart[0], expected[order])
    said = words(figure)
    for word in ("d h", "± 1 deviation between 4 images", "class mean less"):
        assert word in said
    assert "image 0" in words(plot_attention(gates))
    alone = plot_attention(gates[:1])
    assert len(panel(alone)[0]) == 1
    assert "deviation" not in words(alone)
    many = plot_attention(np.tile(gates, (5, 1, 1, 1)))
    assert len(panel(many)[0]) == 1


def test_gates_of_an_attached_layer(rng):
    layer = keras_attention.IdentityStart(keras_attention.SqueezeExcite())
    figure = plot_attention(rng.uniform(size=(COUNT, 1, 1, 5)), layer=layer)
    assert f"{layer.name}: gate of each channel" in words(figure)


def test_cbam_by_channels_first(images, rng):
    attention = {
        "channel": rng.uniform(size=(COUNT, 5, 1, 1)),
        "spatial": rng.uniform(size=(COUNT, 1, SIDE, SIDE)),
    }
    figure = plot_attention(
        attention, np.moveaxis(images, -1, 1), data_format="channels_first"
    )
    pictures, _ = panel(figure)
    np.testing.assert_allclose(pictures[0].images[0].get_array(), images[0])
    np.testing.assert_allclose(
        pictures[-1].images[-1].get_array(), attention["spatial"][-1, 0]
    )
    assert "attention channel: gate of each channel" in words(figure)


def test_branches_by_depth(rng):
    choices = {}
    for name in ("one", "two"):
        share = rng.uniform(size=(COUNT, 1, 6))
        choices[name] = np.concatenate([share, 1 - share], 1)
    figure = plot_attention(choices, labels=[0, 0, 1, 1])
    (axis,) = panel(figure)[0]
    lines = [c.lines[0].get_ydata() for c in axis.containers]
    means = [[choices[n][:, i].mean() for n in choices] for i in (0, 1)]
    np.testing.assert_allclose(np.array(lines, "float64"), means)
    said = words(figure)
    assert "one two" in said
    assert "path 1, dilation 2" in said
    assert "dashes: means of classes" in said


def test_fusion(images, rng):
    layer = keras_attention.AttentionalFeatureFusion(name="aff")
    weights = rng.uniform(0.4, 0.9, size=(COUNT, SIDE, SIDE, 2))
    figure = plot_attention(weights, images, layer=layer)
    pictures, _ = panel(figure)
    low, high = pictures[-1].images[-1].get_clim()
    assert (low + high) / 2 == pytest.approx(0.5)
    (axis,) = panel(figure, 1)[0]
    lines = [c.lines[0].get_ydata()[0] for c in axis.containers]
    np.testing.assert_allclose(lines, [weights.mean(), 1 - weights.mean()])
    said = words(figure)
    assert "aff weight of x, mean" in said
    assert "residual" in said


@pytest.mark.parametrize("corners", [True, False])
def test_grid(images, corners):
    layer = keras_attention.SpatialTransformer(
        layers.Flatten(), output_size=(4, 6), align_corners=corners
    )
    layer.build(images.shape)
    layer.bias.assign([1.5, 0, 0.25, 0, 0.5, 0])
    grid = to_numpy(layer.attention(images))
    figure = plot_attention(grid, images, layer=layer)
    pictures, _ = panel(figure)
    axis, read = pictures[COUNT], pictures[2 * COUNT]
    x, y = axis.lines[-1].get_data()  # the upper left
    first = grid[0, 0, 0] + 1
    place = first / 2 * 7 if corners else (first * 8 - 1) / 2
    np.testing.assert_allclose([x[0], y[0]], place, rtol=1e-5)
    assert axis.get_xlim()[1] > 7.5
    assert_close(read.images[0].get_array(), to_numpy(layer(images))[0])
    assert "sampling grid" in words(figure)
    alone = plot_attention(grid)
    assert len(panel(alone)[0]) == COUNT
    grey = plot_attention(grid, images[..., 0])
    words(grey)


@pytest.mark.parametrize(
    ("options", "points"),
    [
        ({}, None),
        ({"strides": 2, "padding": "valid"}, [(0.5, 0.25), (1, 1)]),
        ({"padding": 1, "dilation_rate": 2, "modulated": False}, [(0, 0)]),
        ({"offset_groups": 2, "kernel_size": (1, 3)}, None),
    ],
)
def test_taps(options, points, images, rng):
    images = images[..., :2]
    layer = keras_attention.DeformableConv2D(2, name="bent", **options)
    layer.build(images.shape)
    shapes = layer.compute_attention_shape(images.shape)
    attention = {k: rng.uniform(size=shape) for k, shape in shapes.items()}
    attention["offsets"] = 4 * attention["offsets"] - 2
    figure = plot_attention(attention, images, layer=layer, points=points)
    pictures, bars = panel(figure)
    assert len(bars) == 1 + ("mask" in attention)
    axis = pictures[2 * COUNT]
    dots = [c.get_offsets() for c in axis.collections]
    assert len(dots) == len(points or [0])
    # Where the operation itself puts the taps.
    windows = layer._windows
    height, width = attention["offsets"].shape[1:3]
    rows, columns = windows.positions((SIDE, SIDE), (height, width), "float32")
    regular = np.stack([to_numpy(columns), to_numpy(rows)], -1)
    taps = regular.shape[1]
    moves = attention["offsets"][0].reshape(height * width, -1, taps, 2)
    lengths = np.sqrt((moves**2).sum(-1)).mean((1, 2))
    place = lengths.argmax()
    if points is not None:
        i, j = (
            min(int(s * n), n - 1)
            for s, n in zip(points[0], (height, width), strict=True)
        )
        place = i * width + j
    expected = regular[place] + moves[place, 0, :, ::-1]
    # The map that a valid window with strides reaches may be a little smaller.
    reached = (
        SIDE - (SIDE - 3) % 2 if options.get("padding") == "valid" else SIDE
    )
    expected = (expected + 0.5) * SIDE / reached - 0.5
    np.testing.assert_allclose(dots[0], expected, rtol=1e-4, atol=1e-4)
    said = words(figure)
    assert "how far taps are" in said
    assert ("group 0 of 2" in said) == ("offset_groups" in options)


def test_taps_of_nobody_knows_which_layer(rng):
    figure = plot_attention({"offsets": rng.normal(size=(1, 4, 4, 18))})
    assert len(panel(figure)[0]) == 2
    with pytest.raises(ValueError, match="`layer` must be given for offsets"):
        plot_attention({"offsets": rng.normal(size=(1, 4, 4, 6))})


def test_shifts(images, rng):
    shifts = rng.normal(size=(COUNT, SIDE, SIDE, 3, 2))
    figure = plot_attention(shifts, images)
    pictures, _ = panel(figure)
    lengths = np.sqrt((shifts**2).sum(-1)).mean(-1)
    np.testing.assert_allclose(
        pictures[COUNT].images[-1].get_array(), lengths[0]
    )
    arrows = pictures[-1].collections[0]
    mean = shifts[-1].mean(-2).reshape(-1, 2)
    ratio = arrows.U / mean[:, 1]
    np.testing.assert_allclose(ratio, ratio[0])
    np.testing.assert_allclose(arrows.V / mean[:, 0], ratio[0])
    assert "which way" in words(figure)
    layer = keras_attention.ConvOffset2D(data_format="channels_first")
    first = plot_attention(np.moveaxis(shifts, 3, 1), images, layer=layer)
    again = panel(first)[0][COUNT].images[-1].get_array()
    np.testing.assert_allclose(again, lengths[0])


def test_glimpses(images):
    layer = keras_attention.RecurrentAttention(3, glimpse_size=2, name="ram")
    places = np.tile([[0, 0], [-1, 0.5], [1, 1]], (COUNT, 1, 1))
    figure = plot_attention(places, images, layer=layer)
    axis = panel(figure)[0][-1]
    way = [[4, 4], [0, 6], [7, 7]]
    np.testing.assert_allclose(axis.lines[-1].get_xydata(), way)
    corners = [patch.get_xy() for patch in axis.patches]
    np.testing.assert_allclose(corners, np.array(way) - 1.5)
    said = words(figure)
    assert "ram glimpses" in said
    assert "1 2 3" in said
    assert not panel(plot_attention(places))[0][0].patches


def test_patches(images, rng):
    layer = keras_attention.DynamicCapacityNetwork(
        *(layers.Flatten() for _ in range(3)),
        patch_size=(3, 4),
        patch_stride=2,
        patch_offset=-1,
        name="dcn",
    )
    attention = {
        "saliency": rng.uniform(size=(COUNT, 4, 4)),
        "positions": np.tile([[0, 1], [3, 2]], (COUNT, 1, 1)),
    }
    figure = plot_attention(attention, images, layer=layer)
    pictures, _ = panel(figure)
    boxes = [p.get_bbox().bounds for p in pictures[-1].patches]
    assert boxes == [(0.5, -1.5, 4, 3), (2.5, 4.5, 4, 3)]
    heat = pictures[COUNT].images[-1]
    assert heat.get_array().max() == 1
    assert heat.get_extent() == [-0.5, 7.5, 7, -1]
    assert "the 2 refined patches" in words(figure)
    pictures, _ = panel(plot_attention(attention))
    assert pictures[-1].patches[0].get_bbox().bounds == (0.5, -0.5, 1, 1)


@pytest.fixture
def deep(images, rng):
    """Images, and what a model of nine layers may say of them."""
    heat = [rng.uniform(size=(COUNT, SIDE, SIDE, 1)) for _ in range(9)]
    maps = {f"gate_{number}": maps for number, maps in enumerate(heat[1:])}
    gates = rng.uniform(size=(COUNT, 1, 1, 3))
    maps["last"] = {"channel": gates, "spatial": heat[0]}
    gradients = {name: rng.uniform(size=(COUNT, SIDE, SIDE)) for name in maps}
    return images, maps, gradients


def test_many_layers(deep):
    x, maps, _ = deep
    figure = plot_attention(maps, x)
    assert len(panel(figure)[0]) == 7 * COUNT
    said = words(figure)
    assert "6 of 9 layers, evenly by depth" in said
    assert "gate_0" in said
    assert "last spatial" in said
    assert "last channel: gate of each channel" in said
    every = plot_attention(maps, where=".*")
    assert len(panel(every)[0]) == 9 * COUNT


def test_gradients_beside_attention(deep):
    x, maps, gradients = deep
    figure = plot_attention(
        maps, x, gradients=gradients, where=["gate_7", "last"], samples=[1]
    )
    pictures, bars = panel(figure)
    assert len(pictures) == 5
    assert len(bars) == 4
    for place, name in ((2, "gate_7"), (4, "last")):
        expected = gradients[name][1] / gradients[name][1].max()
        shown = pictures[place].images[-1].get_array()
        np.testing.assert_allclose(shown, expected, rtol=1e-6)
    assert "Grad-CAM" in words(figure)
    plain = plot_attention(np.zeros((1, 3, 4)))
    assert "Grad-CAM" in words(plain)


def test_ranges_of_images(deep, images):
    _, maps, _ = deep
    gates = {"gate_0": maps["gate_0"]}
    for given, expected in [
        (images, images),
        ((images * 255).astype("uint8"), (images * 255).astype("uint8") / 255),
        (images * 4 - 2, (images - images.min()) / np.ptp(images)),
        (np.repeat(images[..., :1], 2, -1), images[..., :1]),
    ]:
        shown = panel(plot_attention(gates, given))[0][0].images[0].get_array()
        expected = (
            expected[0] if expected.shape[-1] == 3 else expected[0, ..., 0]
        )
        np.testing.assert_allclose(shown, expected, atol=1e-6)


def test_a_sample_of_each_class(deep):
    x, maps, _ = deep
    figure = plot_attention(maps, x, labels=[1, 1, 0, 1], where="gate_0")
    pictures, _ = panel(figure)
    np.testing.assert_allclose(pictures[0].images[0].get_array(), x[2])
    assert [a.get_title() for a in pictures[:2]] == ["class 0", "class 1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attention": {}}, "Received: attention={}"),
        ({"attention": np.ones(3)}, "Received: attention of shape (3,)"),
        ({"images": np.ones((2, 8, 8))}, "Received: 2 images"),
        ({"images": np.ones((4, 8))}, "Received: images of shape (4, 8)"),
        ({"labels": [1]}, "Received: 1 labels"),
        ({"samples": [4]}, "from 0 to 3, at least one. Received: samples=[4]"),
        ({"samples": []}, "at least one. Received: samples=[]"),
        ({"where": "x"}, "which there are: attention. Received: where='x'"),
        ({"where": ["x"]}, "Received: where=['x']"),
        ({"data_format": "last"}, "Received: data_format='last'"),
    ],
)
def test_refusals(arguments, message):
    arguments = {"attention": np.ones((4, 8, 8, 1)), **arguments}
    with pytest.raises(ValueError, match=re.escape(message)):
        plot_attention(**arguments)


def test_maps_that_are_no_images_are_refused():
    layer = keras_attention.MultiScaleChannelAttention(name="signal")
    with pytest.raises(ValueError, match="Received: attention of 'signal' of"):
        plot_attention(np.ones((2, 8, 3)), layer=layer)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"attention\[visualization\]"):
        plot_attention(np.ones((4, 8, 8, 1)))
