"""`plot_attention`: figures of every kind of attention, and errors."""

import re
import sys

import keras
import numpy as np
import pytest
from keras import layers

import keras_attention
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import plot_attention
from keras_attention._base.card import Card
from keras_attention.ops import deformation
from keras_attention.visualization._path import LayerPath

COUNT, SIDE = 4, 8


@pytest.fixture
def images(rng):
    return rng.uniform(size=(COUNT, SIDE, SIDE, 3))


def panel(figure, index=0):
    """Return the axes of the plots, and those of the color bars."""
    axes = figure.subfigs[index].axes
    bars = [a for a in axes if a.get_label() == "<colorbar>"]
    return [a for a in axes if a not in bars], bars


def texts(figure):
    figure.canvas.draw()  # This raises if an artist is invalid.
    return " ".join(
        text.get_text().replace("\n", " ")
        for text in figure.findobj(lambda x: hasattr(x, "get_text"))
    )


def test_heatmap_over_images(images, rng):
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
    found = texts(figure)
    for word in ("all of it", "attention weight of each", "image 3"):
        assert word in found
    # The plots of one image have the same horizontal position.
    left = [axis.get_position().x0 for axis in pictures]
    assert left[:COUNT] == pytest.approx(left[COUNT:])


def test_heatmap_without_images_and_of_lower_resolution(images, rng):
    heat = np.full((COUNT, 2, 3, 1), 0.5)
    pictures, _ = panel(plot_attention(heat))
    assert len(pictures) == COUNT
    assert pictures[0].images[0].get_clim() == (0, 1)
    over = plot_attention(heat, images, samples=[2])
    pictures, _ = panel(over)
    assert len(pictures) == 2
    assert pictures[1].images[-1].get_extent() == [-0.5, 7.5, 7.5, -0.5]
    assert "image 2" in texts(over)


def test_long_names_are_broken_between_words(images, rng):
    name = "stage1_spatial_channel_squeeze_excite/inner_attention of_positions"
    figure = plot_attention({name: rng.uniform(size=(COUNT, 8, 8, 1))}, images)
    (label,) = [
        text.get_text()
        for text in figure.findobj(lambda x: hasattr(x, "get_text"))
        if text.get_text().startswith("stage1")
    ]
    assert label.splitlines() == [
        "stage1_spatial_",
        "channel_squeeze_",
        "excite/inner_attention",
        "of_positions",
        "weight of each",
        "position",
    ]


@pytest.mark.parametrize(
    ("side", "inches"), [(8, 1.2), (40, 1.6), (224, 2.25), (None, 2.25)]
)
def test_small_images_have_small_plots(side, inches, rng):
    images = None if side is None else rng.uniform(size=(COUNT, side, side))
    figure = plot_attention(rng.uniform(size=(COUNT, 8, 8, 1)), images)
    axis = panel(figure)[0][0]
    width = axis.get_position().width * figure.get_figwidth()
    assert width == pytest.approx(inches)


def test_heatmaps_of_several_channels(images, rng):
    mask = rng.uniform(size=(COUNT, SIDE, SIDE, 3))
    figure = plot_attention(mask, images)
    pictures, _ = panel(figure)
    np.testing.assert_allclose(
        pictures[-1].images[-1].get_array(), mask[-1].mean(-1)
    )
    assert "weight, mean of 3 channels" in texts(figure)
    assert len(figure.subfigs) == 2
    layer = keras_attention.SpatialGroupEnhance(3)
    figure = plot_attention(mask, images, layer=layer, channels=[2, 0])
    pictures, _ = panel(figure)
    assert len(pictures) == 3 * COUNT
    np.testing.assert_allclose(
        pictures[COUNT].images[-1].get_array(), mask[0, ..., 2]
    )
    assert "weight, group 0" in texts(figure)
    assert len(figure.subfigs) == 1


def test_gates_of_channels(rng):
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
    differences = classes.images[0].get_array()
    expected = gates[[1, 2], 0, 0].mean(0) - gates[:, 0, 0].mean(0)
    np.testing.assert_allclose(differences[0], expected[order])
    found = texts(figure)
    for word in (
        "d h",
        "± 1 standard deviation of 4 images",
        "class mean minus",
    ):
        assert word in found
    assert "image 0" in texts(plot_attention(gates))
    alone = plot_attention(gates[:1])
    assert len(panel(alone)[0]) == 1
    assert "deviation" not in texts(alone)
    many = plot_attention(np.tile(gates, (5, 1, 1, 1)))
    assert len(panel(many)[0]) == 1


def test_gates_that_differ_by_rounding_have_one_color():
    gates = np.full((COUNT, 1, 1, 5), 0.7) + 1e-6 * np.arange(5)
    figure = plot_attention(gates * [[[[1 + 1e-6]]], *[[[[1]]]] * 3])
    classes = panel(figure)[0][1]
    assert classes.images[0].get_clim() == (-1e-4, 1e-4)


def test_gates_of_an_attached_layer(rng):
    layer = keras_attention.IdentityStart(keras_attention.SqueezeExcite())
    figure = plot_attention(rng.uniform(size=(COUNT, 1, 1, 5)), layer=layer)
    assert f"{layer.name}: gate of each channel" in texts(figure)


@pytest.mark.parametrize("with_images", [True, False])
def test_gates_of_rows_and_columns(with_images, images, rng):
    shape = (COUNT, SIDE, SIDE, 3)
    rows, columns = np.float32(rng.uniform(size=(2, *shape)))
    rows[:], columns[:] = rows[:, :, :1], columns[:, :1]
    figure = plot_attention(
        {"height": rows[:, :, :1], "width": columns[:, :1]},
        images if with_images else None,
        layer=of_user({"height": "rows", "width": "columns"}),
    )
    pictures, _ = panel(figure)
    for shown, gates in zip(
        np.split(np.array(pictures), len(pictures) // COUNT)[-2:],
        (rows, columns),
        strict=True,
    ):
        heat = shown[-1].images[-1].get_array()
        np.testing.assert_allclose(heat, gates[-1].mean(-1), rtol=1e-6)
    found = texts(figure)
    for word in (
        "own height weight, mean of 3 channels",
        "own height: gate of each channel, mean of rows",
        "own width: gate of each channel, mean of columns",
    ):
        assert word in found


def test_cbam_with_channels_first(images, rng):
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
    assert "attention channel: gate of each channel" in texts(figure)


def test_branches_by_depth(rng):
    weights = {}
    for name in ("one", "two"):
        first = rng.uniform(size=(COUNT, 1, 6))
        weights[name] = np.concatenate([first, 1 - first], 1)
    figure = plot_attention(weights, labels=[0, 0, 1, 1])
    (axis,) = panel(figure)[0]
    lines = [c.lines[0].get_ydata() for c in axis.containers]
    means = [[weights[n][:, i].mean() for n in weights] for i in (0, 1)]
    np.testing.assert_allclose(np.array(lines, "float64"), means)
    found = texts(figure)
    assert "one two" in found
    assert "branch 1" in found
    assert "dashes: means of classes" in found


@pytest.mark.parametrize("kind", ["branches", "fusion"])
def test_branches_of_one_layer_by_class(kind, rng):
    first = rng.uniform(size=(COUNT, 1, 6))
    weights = np.concatenate([first, 1 - first], 1)
    shown = weights if kind == "branches" else first[:, None]
    figure = plot_attention(
        shown,
        labels=[3, 1, 1, 1],
        class_names=list("abcd"),
        layer=of_user(kind),
    )
    (axis,) = panel(figure, -1)[0]
    lines = [c.lines[0].get_ydata() for c in axis.containers]
    means = [weights[1:].mean((0, 2)), weights[0].mean(1)]
    np.testing.assert_allclose(np.array(lines, "float64").T, means)
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["b", "d"]
    found = texts(figure)
    assert "own: weight of each" in found
    assert "dashes" not in found


def test_branches_of_a_selective_kernel_have_their_dilations(rng):
    weights = rng.uniform(size=(COUNT, 2, 6))
    layer = keras_attention.SelectiveKernel(6)
    figure = plot_attention(weights, layer=layer)
    assert "path 1, dilation 2" in texts(figure)


def test_weights_of_a_fusion(images, rng):
    layer = keras_attention.AttentionalFeatureFusion(name="aff")
    weights = rng.uniform(0.4, 0.9, size=(COUNT, SIDE, SIDE, 2))
    figure = plot_attention(weights, images, layer=layer)
    pictures, _ = panel(figure)
    low, high = pictures[-1].images[-1].get_clim()
    assert (low + high) / 2 == pytest.approx(0.5)
    (axis,) = panel(figure, 1)[0]
    lines = [c.lines[0].get_ydata()[0] for c in axis.containers]
    np.testing.assert_allclose(lines, [weights.mean(), 1 - weights.mean()])
    found = texts(figure)
    assert "aff weight of x, mean" in found
    assert "residual" in found


@pytest.mark.parametrize("corners", [True, False])
def test_sampling_grid(images, corners):
    layer = keras_attention.SpatialTransformer(
        layers.Flatten(), output_size=(4, 6), align_corners=corners
    )
    layer.build(images.shape)
    layer.bias.assign([1.5, 0, 0.25, 0, 0.5, 0])
    grid = to_numpy(layer.attention(images))
    figure = plot_attention(grid, images, layer=layer)
    pictures, _ = panel(figure)
    axis, sampled = pictures[COUNT], pictures[2 * COUNT]
    x, y = axis.lines[-1].get_data()  # the dot at the upper left
    first = grid[0, 0, 0] + 1
    location = first / 2 * 7 if corners else (first * 8 - 1) / 2
    np.testing.assert_allclose([x[0], y[0]], location, rtol=1e-5)
    assert axis.get_xlim()[1] > 7.5
    assert_close(sampled.images[0].get_array(), to_numpy(layer(images))[0])
    assert "sampling grid" in texts(figure)
    alone = plot_attention(grid)
    assert len(panel(alone)[0]) == COUNT
    gray = plot_attention(grid, images[..., 0])
    texts(gray)


@pytest.mark.parametrize(
    ("options", "points"),
    [
        ({}, None),
        ({"strides": 2, "padding": "valid"}, [(0.5, 0.25), (1, 1)]),
        ({"padding": 1, "dilation_rate": 2, "modulated": False}, [(0, 0)]),
        ({"offset_groups": 2, "kernel_size": (1, 3)}, None),
    ],
)
def test_offsets_of_taps(options, points, images, rng):
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
    # The locations of the taps in the operation itself.
    windows = layer._windows
    height, width = attention["offsets"].shape[1:3]
    rows, columns = windows.positions((SIDE, SIDE), (height, width), "float32")
    regular = np.stack([to_numpy(columns), to_numpy(rows)], -1)
    taps = regular.shape[1]
    offsets = attention["offsets"][0].reshape(height * width, -1, taps, 2)
    lengths = np.sqrt((offsets**2).sum(-1)).mean((1, 2))
    window = lengths.argmax()
    if points is not None:
        i, j = (
            min(int(s * n), n - 1)
            for s, n in zip(points[0], (height, width), strict=True)
        )
        window = i * width + j
    expected = regular[window] + offsets[window, 0, :, ::-1]
    # Valid windows with strides may not reach the last row and column.
    reached = (
        SIDE - (SIDE - 3) % 2 if options.get("padding") == "valid" else SIDE
    )
    expected = (expected + 0.5) * SIDE / reached - 0.5
    np.testing.assert_allclose(dots[0], expected, rtol=1e-4, atol=1e-4)
    found = texts(figure)
    assert "length of the offsets" in found
    assert ("group 0 of 2" in found) == ("offset_groups" in options)


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (keras_attention.DeformableConv2DV3, {"groups": 2}),
        (
            keras_attention.DeformableConv2DV4,
            {
                "groups": 1,
                "kernel_size": (3, 1),
                "strides": (2, 1),
                "padding": "valid",
                "dilation_rate": (2, 3),
                "offset_scale": 1.5,
                "remove_center": True,
            },
        ),
    ],
)
def test_points_of_groups(cls, options, images, rng, monkeypatch):
    layer = cls(**options, name="bent")
    inputs = rng.normal(size=(COUNT, SIDE, SIDE, 2)).astype("float32")
    layer.build(inputs.shape)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    # The locations that the operation itself samples.
    sampled = {}
    operation = deformation.weighted_samples

    def spy(table, size, rows, columns, weights):
        sampled.update(rows=to_numpy(rows), columns=to_numpy(columns))
        return operation(table, size, rows, columns, weights)

    monkeypatch.setattr(deformation, "weighted_samples", spy)
    attention = {k: to_numpy(v) for k, v in layer.attention(inputs).items()}
    path = LayerPath("bent", layer, size=(SIDE, SIDE))
    figure = plot_attention({path: attention}, images, query=(0.6, 0.3))
    pictures, _ = panel(figure)
    (plotted,) = pictures[2 * COUNT].collections
    dots = plotted.get_offsets()
    mask = attention["mask"]
    first = mask[..., : mask.shape[-1] // layer.groups]
    limits = min(0, first.min()), max(0, first.max())
    np.testing.assert_allclose(plotted.get_clim(), limits)
    height, width = mask.shape[1:3]
    window = int(0.6 * height) * width + int(0.3 * width)
    expected = np.stack(
        [sampled[name][0, window, 0] for name in ("columns", "rows")], -1
    )
    np.testing.assert_allclose(dots, expected, rtol=1e-4, atol=1e-4)
    assert "marked by a cross" in texts(figure)


@pytest.mark.parametrize(("padding", "reached"), [("valid", 9), (1, 7)])
def test_points_of_groups_over_a_map_of_unknown_size(padding, reached, rng):
    """It is the smallest map with these windows."""
    layer = keras_attention.DeformableConv2DV3(
        groups=2, strides=3, padding=padding
    )
    layer.build((None, 9, 9, 4))
    attention = layer.attention(np.zeros((1, 9, 9, 4), "float32"))
    pictures, _ = panel(plot_attention(attention, layer=layer))
    axis = pictures[-1]
    assert axis.get_xlim() == (-0.5, reached - 0.5)
    assert axis.get_ylim() == (reached - 0.5, -0.5)


def test_points_of_groups_without_their_layer_raise():
    """The offsets of v1 have the same keys, and another order."""
    layer = keras_attention.DeformableConv2DV3()
    attention = layer.attention(np.zeros((1, 9, 9, 4), "float32"))
    with pytest.raises(ValueError, match="`layer` must be given for offsets"):
        plot_attention(attention)


def test_points_of_groups_of_a_layer_without_windows_raise():
    class Own(keras.layers.Layer):
        card = keras_attention.Card(
            operation="samples",
            insertion="anywhere",
            attention={"shifts": "group offsets"},
        )

    attention = {"shifts": np.zeros((1, 4, 4, 18))}
    with pytest.raises(
        ValueError, match=r"has no kernel_size, strides, .*Received: layer="
    ):
        plot_attention(attention, layer=Own())


@pytest.mark.parametrize("modulated", [True, False])
def test_taps_of_one_position(modulated, images, rng):
    layer = keras_attention.DeformableConv2D(
        2, modulated=modulated, strides=2, padding=1
    )
    layer.build((None, SIDE, SIDE, 2))
    values = [rng.normal(size=weight.shape) for weight in layer.weights]
    layer.set_weights(values)
    attention = layer.attention(rng.normal(size=(COUNT, SIDE, SIDE, 2)))
    figure = plot_attention(
        attention, images, layer=layer, query=(0.55, 0.99), samples=[1]
    )
    axis = panel(figure)[0][-1]
    # Of 4 x 4 windows, the third of the rows and the last of the columns.
    (cross,) = (line for line in axis.lines if line.get_marker() == "+")
    reached = SIDE - 1  # The last row and column are in no window.
    center = (np.array([6, 4]) + 0.5) * SIDE / reached - 0.5
    np.testing.assert_allclose(cross.get_xydata(), [center])
    rows, columns = np.mgrid[3:6, 5:8]
    offsets = to_numpy(attention["offsets"])[1, 2, 3].reshape(9, 2)
    taps = np.stack([columns.ravel(), rows.ravel()], -1) + offsets[:, ::-1]
    (dots,) = axis.collections
    expected = (taps + 0.5) * SIDE / reached - 0.5
    np.testing.assert_allclose(dots.get_offsets(), expected, rtol=1e-4)
    mask = to_numpy(attention["mask"])[1, 2, 3] if modulated else np.ones(9)
    np.testing.assert_allclose(dots.get_array(), mask, rtol=1e-5)
    assert "position marked by a cross, and its taps" in texts(figure)


@pytest.mark.parametrize("padding", ["same", 1])
def test_taps_of_strided_windows_are_those_of_the_operation(padding, rng):
    """`attention_maps` knows the size of the map, which strides may hide."""
    images = rng.uniform(size=(2, 9, 8, 1)).astype("float32")
    inputs = keras.Input((9, 8, 1))
    layer = keras_attention.DeformableConv2D(2, strides=2, padding=padding)
    model = keras.Model(inputs, layer(inputs))
    maps = keras_attention.attention_maps(model, images)
    figure = plot_attention(maps, images, query=(0, 1))
    axis = panel(figure)[0][-1]
    size = tuple(layer.compute_output_shape((None, 9, 8, 1))[1:3])
    rows, columns = layer._windows.positions((9, 8), size, "float32")
    last = size[1] - 1
    expected = np.stack([to_numpy(it)[last] for it in (columns, rows)], -1)
    np.testing.assert_allclose(axis.collections[0].get_offsets(), expected)


def test_points_have_priority_over_the_query_of_offsets(rng):
    attention = {"offsets": rng.normal(size=(1, 4, 4, 18))}
    figure = plot_attention(attention, query=(0, 0), points=[(0.5, 0.5)])
    expected = plot_attention(attention, points=[(0.5, 0.5)])
    axis, other = (panel(it)[0][-1] for it in (figure, expected))
    assert not [line for line in axis.lines if line.get_marker() == "+"]
    np.testing.assert_array_equal(
        *(it.collections[0].get_offsets() for it in (axis, other))
    )


@pytest.mark.parametrize("query", [(0.5, 1.5), 0.5, (0.5,)])
def test_invalid_query_of_offsets_raises(query, rng):
    attention = {"offsets": rng.normal(size=(1, 4, 4, 18))}
    with pytest.raises(ValueError, match="`query` must be a row and a column"):
        plot_attention(attention, query=query)


def test_offsets_of_an_unknown_layer(rng):
    figure = plot_attention({"offsets": rng.normal(size=(1, 4, 4, 18))})
    assert len(panel(figure)[0]) == 2
    with pytest.raises(ValueError, match="`layer` must be given for offsets"):
        plot_attention({"offsets": rng.normal(size=(1, 4, 4, 6))})


def test_offsets_of_pixels(images, rng):
    offsets = rng.normal(size=(COUNT, SIDE, SIDE, 3, 2))
    figure = plot_attention(offsets, images)
    pictures, _ = panel(figure)
    lengths = np.sqrt((offsets**2).sum(-1)).mean(-1)
    np.testing.assert_allclose(
        pictures[COUNT].images[-1].get_array(), lengths[0]
    )
    arrows = pictures[-1].collections[0]
    mean = offsets[-1].mean(-2).reshape(-1, 2)
    ratio = arrows.U / mean[:, 1]
    np.testing.assert_allclose(ratio, ratio[0])
    np.testing.assert_allclose(arrows.V / mean[:, 0], ratio[0])
    assert "offsets, mean of channels" in texts(figure)
    layer = keras_attention.ConvOffset2D(data_format="channels_first")
    first = plot_attention(np.moveaxis(offsets, 3, 1), images, layer=layer)
    again = panel(first)[0][COUNT].images[-1].get_array()
    np.testing.assert_allclose(again, lengths[0])


def test_path_of_glimpses(images):
    layer = keras_attention.RecurrentAttention(3, glimpse_size=2, name="ram")
    locations = np.tile([[0, 0], [-1, 0.5], [1, 1]], (COUNT, 1, 1))
    figure = plot_attention(locations, images, layer=layer)
    axis = panel(figure)[0][-1]
    path = [[4, 4], [0, 6], [7, 7]]
    np.testing.assert_allclose(axis.lines[-1].get_xydata(), path)
    corners = [patch.get_xy() for patch in axis.patches]
    np.testing.assert_allclose(corners, np.array(path) - 1.5)
    found = texts(figure)
    assert "ram glimpses" in found
    assert "1 2 3" in found
    assert not panel(plot_attention(locations))[0][0].patches


def test_refined_patches(images, rng):
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
    assert "the 2 refined patches" in texts(figure)
    pictures, _ = panel(plot_attention(attention))
    assert pictures[-1].patches[0].get_bbox().bounds == (0.5, -0.5, 1, 1)


@pytest.fixture
def deep(images, rng):
    """Images, and attention maps and gradients of nine layers."""
    heat = [rng.uniform(size=(COUNT, SIDE, SIDE, 1)) for _ in range(9)]
    maps = {f"gate_{number}": maps for number, maps in enumerate(heat[1:])}
    gates = rng.uniform(size=(COUNT, 1, 1, 3))
    maps["last"] = {"channel": gates, "spatial": heat[0]}
    gradients = {name: rng.uniform(size=(COUNT, SIDE, SIDE)) for name in maps}
    return images, maps, gradients


def test_six_layers_are_plotted_by_default(deep):
    x, maps, _ = deep
    figure = plot_attention(maps, x)
    assert len(panel(figure)[0]) == 7 * COUNT
    found = texts(figure)
    assert "6 of 9 layers, evenly by depth" in found
    assert "gate_0" in found
    assert "last spatial" in found
    assert "last channel: gate of each channel" in found
    every = plot_attention(maps, where=".*")
    assert len(panel(every)[0]) == 9 * COUNT


def test_gradients_below_attention(deep):
    x, maps, gradients = deep
    figure = plot_attention(
        maps, x, gradients=gradients, where=["gate_7", "last"], samples=[1]
    )
    pictures, bars = panel(figure)
    assert len(pictures) == 5
    assert len(bars) == 4
    for index, name in ((2, "gate_7"), (4, "last")):
        expected = gradients[name][1] / gradients[name][1].max()
        shown = pictures[index].images[-1].get_array()
        np.testing.assert_allclose(shown, expected, rtol=1e-6)
    assert "Grad-CAM" in texts(figure)
    plain = plot_attention(np.zeros((1, 3, 4)))
    assert "Grad-CAM" in texts(plain)


def test_images_are_scaled_to_the_unit_range(deep, images):
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


def test_one_sample_of_each_class_is_plotted(deep):
    x, maps, _ = deep
    figure = plot_attention(maps, x, labels=[1, 1, 0, 1], where="gate_0")
    pictures, _ = panel(figure)
    np.testing.assert_allclose(pictures[0].images[0].get_array(), x[2])
    assert [a.get_title() for a in pictures[:2]] == ["class 0", "class 1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attention": {}}, "Received: attention={}"),
        ({"attention": np.ones(3)}, "Received: attention=array of shape (3,)"),
        (
            {"images": np.ones((2, 8, 8))},
            "Received: images=array of shape (2, ",
        ),
        ({"images": np.ones((4, 8))}, "Received: images=array of shape (4, 8)"),
        ({"labels": [1]}, "Received: labels=array of shape (1,)"),
        ({"samples": [4]}, "from 0 to 3, at least one. Received: samples=[4]"),
        ({"samples": []}, "at least one. Received: samples=[]"),
        ({"where": "x"}, "which there are: attention. Received: where='x'"),
        ({"where": ["x"]}, "Received: where=['x']"),
        ({"data_format": "last"}, "Received: data_format='last'"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    arguments = {"attention": np.ones((4, 8, 8, 1)), **arguments}
    with pytest.raises(ValueError, match=re.escape(message)):
        plot_attention(**arguments)


class RowsAndColumns(layers.Layer):
    """A custom layer whose attention is a dictionary of other keys."""

    def call(self, x, return_attention=False):
        weights = keras.ops.sigmoid(x[..., :1])
        attention = {
            "rows": keras.ops.mean(weights, 2),
            "columns": keras.ops.mean(weights, 1),
        }
        return (x * weights, attention) if return_attention else x * weights


ONES = np.ones((COUNT, SIDE, SIDE, 1))
ROWS = {"rows": ONES[:, :, 0], "columns": ONES[:, 0]}
OTHERS = {
    "dictionary of a layer": ({"own": ROWS}, None),
    "dictionary of the given layer": (ROWS, RowsAndColumns()),
    "dictionary of a wrapped layer": (
        ROWS,
        keras_attention.IdentityStart(RowsAndColumns()),
    ),
    "missing key": ({"a": {"channel": ONES}}, None),
    "additional key": (
        {"offsets": ONES, "mask": ONES, "scale": ONES},
        keras_attention.DeformableConv2D(2),
    ),
    "no key": ({"a": {}}, None),
    "keys that are not strings": ({"a": {0: ONES, 1: ONES}}, None),
    "array in place of a dictionary": (ONES, keras_attention.CBAM(2)),
    "dictionary in place of an array": (
        {"channel": ONES, "spatial": ONES},
        keras_attention.SqueezeExcite(2),
    ),
    "dictionary in a dictionary": (
        {"a": {"channel": {"mean": ONES}, "spatial": ONES}},
        None,
    ),
    "list": ({"a": [ONES, ONES]}, None),
    "None": ({"a": None}, None),
    "number": (3.0, None),
    "symbolic tensor": ({"a": keras.Input((8, 8, 1))}, None),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_structures_of_attention_raise(case):
    attention, layer = OTHERS[case]
    message = (
        r"^`attention` must be an array .* leave .*\. Received: attention="
    )
    with pytest.raises(ValueError, match=message) as caught:
        plot_attention(attention, ONES, layer=layer)
    if case.startswith("dictionary of"):
        assert "'rows': 'array of shape (4, 8, 1)'" in str(caught.value)
    for gradients in ({"a": attention}, attention):
        if layer is None and isinstance(attention, dict):
            with pytest.raises(ValueError, match="Received: gradients="):
                plot_attention(ONES, gradients=gradients)


def test_other_layers_of_a_model_are_plotted(images):
    inputs = keras.Input((SIDE, SIDE, 3))
    x = keras_attention.SpatialAttention(3, name="gate")(inputs)
    model = keras.Model(inputs, RowsAndColumns(name="own")(x))
    maps = keras_attention.attention_maps(model, images)
    with pytest.raises(ValueError, match=r"Received: attention=\{'own': \{"):
        plot_attention(maps, images)
    figure = plot_attention(maps, images, where="gate")
    assert "gate weight of each position" in texts(figure)
    columns = maps["own"]["columns"][:, None]
    assert "own weight of each" in texts(plot_attention({"own": columns}))


@pytest.mark.parametrize("names", [["a", "b"], {0: "a", 1: "b"}])
def test_missing_class_names_raise(names):
    with pytest.raises(
        ValueError, match=r"none for 2\. Received: class_names="
    ):
        plot_attention(ONES, labels=[0, 1, 2, 0], class_names=names)


def test_maps_without_height_and_width_raise():
    layer = keras_attention.MultiScaleChannelAttention(name="signal")
    with pytest.raises(
        ValueError, match=r"Received: attention=\{'signal': array of"
    ):
        plot_attention(np.ones((2, 8, 3)), layer=layer)


def test_missing_matplotlib_raises(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        plot_attention(np.ones((4, 8, 8, 1)))


def of_user(attention):
    """Return a layer of a user whose card has these kinds."""

    class Own(keras.layers.Layer):
        card = Card(
            operation="scales", insertion="anywhere", attention=attention
        )

    return Own(name="own")


PAIRS = np.zeros((COUNT, SIDE, SIDE, 18))
POSITIONS = np.ones((COUNT, 3, 2), "int32")


def test_offsets_of_a_layer_that_is_called_on_a_sequence():
    path = LayerPath("own", of_user("kernel offsets"), size=(SIDE * SIDE,))
    figure = plot_attention({path: PAIRS}, query=(0, 0))
    axis = panel(figure)[0][-1]
    assert axis.collections[0].get_offsets()[4].tolist() == [0, 0]


USERS = {
    "saliency and weights": (
        {"where": "saliency", "taps": "kernel weights"},
        {"where": ONES[..., 0], "taps": np.repeat(ONES, 3, axis=-1)},
        ["own where", "own taps", "mean of 3 groups"],
    ),
    "other keys of offsets": (
        {"shift": "kernel offsets", "by": "kernel weights", "c": "channel"},
        {"shift": PAIRS, "by": PAIRS[..., :9], "c": ONES[:, :1, :1]},
        ["own", "own c"],
    ),
    "other keys of patches": (
        {"map": "saliency", "at": "positions"},
        {"map": ONES[..., 0], "at": POSITIONS},
        ["own"],
    ),
    "offsets alone": ("kernel offsets", PAIRS, ["own"]),
    "saliency alone": ("saliency", ONES[..., 0], ["own"]),
}


@pytest.mark.parametrize("case", USERS)
@pytest.mark.parametrize("with_images", [False, True])
def test_card_of_a_layer_of_a_user_gives_the_kind_of_each_entry(
    case, with_images
):
    kinds, attention, expected = USERS[case]
    images = np.ones((COUNT, 2 * SIDE, 2 * SIDE, 3)) if with_images else None
    figure = keras_attention.plot_attention(
        attention, images, layer=of_user(kinds)
    )
    text = texts(figure)
    for part in expected:
        assert part in text


def test_attention_that_has_no_plot_raises():
    layer = of_user({"at": "positions"})
    with pytest.raises(ValueError, match=r"attention={'own at': 'positions'}"):
        keras_attention.plot_attention({"at": POSITIONS}, layer=layer)


@pytest.mark.parametrize("size", [(4, 6), (3, 8)])
def test_weights_of_units_over_the_map_of_the_layer(size, rng):
    """A map of 24 positions has another size than the proportions of images."""
    layer = keras_attention.DoubleAttention(
        attention_units=5, data_format="channels_last"
    )
    inputs = keras.Input((*size, 8))
    x = rng.normal(size=(COUNT, *size, 8))
    maps = keras_attention.attention_maps(keras.Model(inputs, layer(inputs)), x)
    figure = plot_attention(maps, rng.uniform(size=(COUNT, 8, 8, 3)))
    plots, _ = panel(figure)
    found = [a.images[1].get_array() for a in plots[COUNT : 2 * COUNT]]
    gather = maps[layer.name]["gather"]
    unit = int(re.search(r"unit (\d) of 5", texts(figure))[1])
    assert_close(np.stack(found), gather[..., unit].reshape(COUNT, *size))
    assert len(plots) == COUNT * (1 + 3 + 3)


def test_units_are_those_that_vary_most_or_are_selected():
    weights = np.full((COUNT, 64, 5), 0.5)
    weights[:, ::2, 1], weights[:, ::2, 4] = 0.1, 0.2
    weights[:, ::2, 2] = 0.3
    layer = of_user("units")
    text = texts(plot_attention(weights, layer=layer))
    assert [n in text for n in map("unit {} of 5".format, range(5))] == [
        *(False, True, True, False, True)
    ]
    text = texts(plot_attention(weights, layer=layer, channels=[3]))
    assert text.count(" of 5") == 1
    assert "unit 3 of 5" in text


@pytest.mark.parametrize("kind", ["units", "mixed"])
@pytest.mark.parametrize("channels", [[5], [0, -1], []])
def test_channels_that_do_not_exist_raise(kind, channels):
    weights = np.ones((COUNT, 16, 5) if kind == "units" else (COUNT, 4, 4, 5))
    with pytest.raises(ValueError, match=r"from 0 to 4 for 'own', .*Received"):
        plot_attention(weights, layer=of_user(kind), channels=channels)


def test_weights_of_positions_without_a_size_have_the_proportions_of_images():
    weights = np.linspace(0, 1, COUNT * 24).reshape(COUNT, 24, 1)
    images = np.ones((COUNT, 40, 90, 3))
    figure = plot_attention(weights, images, layer=of_user("units"))
    plots, _ = panel(figure)
    assert plots[COUNT].images[1].get_array().shape == (3, 8)


def test_units_of_a_signal_raise(rng):
    layer = keras_attention.DoubleAttention(2, data_format="channels_last")
    inputs = keras.Input((6, 4))
    maps = keras_attention.attention_maps(
        keras.Model(inputs, layer(inputs)), rng.normal(size=(2, 6, 4))
    )
    with pytest.raises(ValueError, match=r"with height and width, .*size \(6"):
        plot_attention(maps)


def attended(layer, rng, size=(4, 6)):
    """Return the maps of a layer on its own, and its attention."""
    inputs = keras.Input((*size, 8))
    model = keras.Model(inputs, layer(inputs))
    x = rng.normal(size=(COUNT, *size, 8))
    return keras_attention.attention_maps(model, x)


@pytest.mark.parametrize(
    ("query", "position"),
    [(None, (2, 3)), ((0, 1), (0, 5)), ((0.3, 0.5), (1, 3))],
)
def test_weights_of_all_positions_for_one(query, position, images, rng):
    layer = keras_attention.PositionAttention(2, data_format="channels_last")
    maps = attended(layer, rng)
    figure = plot_attention(maps, images, query=query)
    plots, _ = panel(figure)
    row, column = position
    expected = maps[layer.name][:, 6 * row + column].reshape(COUNT, 4, 6)
    for axis, weights in zip(plots[COUNT:], expected, strict=True):
        assert_close(np.asarray(axis.images[1].get_array()), weights)
        ((x,), (y,)) = axis.lines[0].get_data()
        assert_close([x, y], [(column + 0.5) * 8 / 6 - 0.5, 2 * row + 0.5])
    assert "one marked by a cross" in texts(figure)


@pytest.mark.parametrize(
    ("size", "blocks"), [((4, 6), (2, 3)), ((5, 9), (2, 4)), ((3, 13), (1, 6))]
)
def test_weights_of_blocks_of_positions_for_one(size, blocks, images, rng):
    layer = keras_attention.NonLocal(pool_size=2, data_format="channels_last")
    maps = attended(layer, rng, size)
    figure = plot_attention(maps, images, query=(0, 0.99))
    plots, _ = panel(figure)
    expected = maps[layer.name][:, size[1] - 1].reshape(COUNT, *blocks)
    for axis, weights in zip(plots[COUNT:], expected, strict=True):
        assert_close(np.asarray(axis.images[1].get_array()), weights)
        ((x,), (y,)) = axis.lines[0].get_data()
        assert_close([x, y], [7.5 - 0.5 * 8 / size[1], 0.5 * 8 / size[0] - 0.5])


def test_keys_that_are_no_blocks_have_the_proportions_of_the_map(rng):
    layer = keras_attention.NonLocal(data_format="channels_last")
    layer.build((None, 4, 6, 8))
    weights = rng.uniform(size=(COUNT, 24, 10))
    plots, _ = panel(plot_attention(weights, layer=layer, query=(0, 0)))
    found = np.asarray(plots[0].images[0].get_array())
    assert_close(found, weights[0, 0].reshape(2, 5))


def test_weights_of_pairs_of_positions_are_recognized(rng):
    weights = rng.uniform(size=(COUNT, 16, 16))
    weights /= weights.sum(2, keepdims=True)
    figure = plot_attention(weights, query=(0, 0))
    plots, _ = panel(figure)
    found = np.asarray(plots[0].images[0].get_array())
    assert_close(found, weights[0, 0].reshape(4, 4))


def test_weights_of_the_cross_through_a_position(rng):
    layer = keras_attention.CrissCrossAttention(2, data_format="channels_last")
    maps = attended(layer, rng)
    figure = plot_attention(maps, query=(0.3, 0.9), samples=[0])
    plots, _ = panel(figure)
    found = np.asarray(plots[0].images[0].get_array())
    attention = maps[layer.name]
    expected = np.zeros((4, 6))
    expected[:, 5] = attention["height"][0, 1, 5]
    expected[1] += attention["width"][0, 1, 5]
    assert_close(found, expected)
    assert_close(found.sum(), 1)


def test_weights_of_pairs_of_channels(rng):
    layer = keras_attention.ChannelSelfAttention(data_format="channels_last")
    maps = attended(layer, rng)
    figure = plot_attention(maps)
    (axis,), _ = panel(figure)
    assert_close(
        np.asarray(axis.images[0].get_array()), maps[layer.name].mean(0)
    )
    assert "channel that reads" in texts(figure)


def points_of_queries(rng):
    """Return the layer and its attention: three queries, of two levels."""
    layer = keras_attention.MultiScaleDeformableAttention(
        2, num_points=2, data_format="channels_last"
    )
    points = np.array([[0.1, 0.2], [0.9, 0.4], [0.5, 0.6]])[None, :, None]
    attention = layer.attention(
        rng.normal(size=(COUNT, 3, 8)),
        [rng.normal(size=(COUNT, n, n, 8)) for n in (100, 50)],
        np.tile(points, (COUNT, 1, 2, 1)),
    )
    return layer, attention


@pytest.mark.parametrize(
    ("query", "index"),
    [(None, 2), (0, 0), (np.int64(1), 1), ((0.4, 1), 1), ((0, 0), 0)],
)
def test_points_of_one_query(query, index, images, rng):
    layer, attention = points_of_queries(rng)
    figure = plot_attention(attention, images, layer=layer, query=query)
    plots, (bar,) = panel(figure)
    locations = to_numpy(attention["locations"])
    weights = to_numpy(attention["weights"])
    for sample, axis in enumerate(plots[COUNT:]):
        assert len(axis.collections) == 2
        for level, plotted in enumerate(axis.collections):
            expected = locations[sample, index, :, level].reshape(-1, 2)
            assert_close(
                np.asarray(plotted.get_offsets()), SIDE * expected - 0.5
            )
            shares = weights[sample, index, :, level].ravel()
            assert_close(np.asarray(plotted.get_array()), shares)
        assert axis.get_xlim() == (-0.5, SIDE - 0.5)
        mean = np.concatenate(axis.lines[0].get_data())
        assert_close(
            mean, SIDE * locations[sample, index].mean((0, 1, 2)) - 0.5
        )
    assert bar.get_ylabel() == "weight"
    assert "a shape for each of 2 levels" in texts(figure)


def test_points_on_one_level_have_one_shape(rng):
    _, attention = points_of_queries(rng)
    one = {name: z[:, :, :, :1] for name, z in attention.items()}
    figure = plot_attention(one, query=1)
    plots, _ = panel(figure)
    assert len(plots[0].collections) == 1
    assert "a shape for each" not in texts(figure)


def test_points_are_recognized_without_weights(rng):
    _, attention = points_of_queries(rng)
    plots, _ = panel(plot_attention(attention["locations"], query=1))
    assert len(plots[0].collections) == 2
    plots, _ = panel(plot_attention(attention, query=1))
    assert len(plots[0].collections) == 2


@pytest.mark.parametrize("query", [3, -1, 0.5, True, (2, 0), "middle"])
def test_invalid_index_of_a_query_raises(query, rng):
    layer, attention = points_of_queries(rng)
    with pytest.raises(ValueError, match=r"`query` must be .*Received: query="):
        plot_attention(attention, layer=layer, query=query)


@pytest.mark.parametrize(
    "query", [(0.5,), (0.5, 1.5), (-1, 0), (None, 0.5), ("left", "top")]
)
def test_invalid_query_raises(query, rng):
    layer = keras_attention.PositionAttention(2, data_format="channels_last")
    with pytest.raises(ValueError, match=r"`query` must be .*Received: query="):
        plot_attention(attended(layer, rng), query=query)


def test_unknown_kind_on_a_card_raises():
    with pytest.raises(ValueError, match=r"among channel, .*Received: "):
        of_user({"where": "no such kind"})


def test_gradients_are_plotted_below_any_dictionary():
    layer = of_user({"a": "spatial", "b": "channel"})
    attention = {"a": ONES, "b": ONES[:, :1, :1]}
    figure = keras_attention.plot_attention(
        attention, layer=layer, gradients={"own": ONES[..., 0]}
    )
    assert "Grad-CAM" in texts(figure)


def test_layers_may_be_named_like_keys(rng):
    inputs = keras.Input((8, 8, 4))
    x = keras_attention.SqueezeExcite(2, name="channel")(inputs)
    x = keras_attention.SpatialAttention(3, name="spatial")(x)
    model = keras.Model(inputs, x)
    maps = keras_attention.attention_maps(model, rng.normal(size=(2, 8, 8, 4)))
    text = texts(keras_attention.plot_attention(maps))
    assert "channel: gate of each channel" in text
    assert "attention" not in text
