"""TensorFlow's own checkpoints, tapes, rematerialization and devices."""

import keras
import numpy as np
import pytest

from autodiff import BACKEND
from autodiff import subset
from cases import CASES
from cases import EVERYTHING
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from keras_attention import CBAM
from keras_attention import SpatialAttention
from keras_attention import ops
from native_forms import FUNCTIONS
from small_networks import small

if BACKEND != "tensorflow":
    pytest.skip("These are tools of TensorFlow.", allow_module_level=True)
tf = pytest.importorskip("tensorflow")


def first_of_each(cases):
    """Return the first case of each class."""
    return list({case.layer_cls: case for case in reversed(cases)}.values())


def built(case):
    layer = case.layer()
    layer(*case.inputs())
    return layer


@pytest.mark.parametrize("case", first_of_each(EVERYTHING), ids=str)
def test_checkpoints_restore_every_weight(case, tmp_path):
    saved, restored = (built(case) for _ in range(2))
    case.randomized(saved)
    path = tf.train.Checkpoint(layer=saved).write(str(tmp_path / "saved"))
    status = tf.train.Checkpoint(layer=restored).read(path)
    status.assert_existing_objects_matched()
    assert_same(restored.get_weights(), saved.get_weights())


def test_checkpoints_restore_a_network(tmp_path):
    saved, restored = small("sk_basic"), small("sk_basic")
    saved.set_weights([w + 1 for w in saved.get_weights()])
    path = tf.train.Checkpoint(model=saved).write(str(tmp_path / "saved"))
    status = tf.train.Checkpoint(model=restored).read(path)
    status.assert_existing_objects_matched()
    assert_same(restored.get_weights(), saved.get_weights())


@pytest.mark.parametrize("case", first_of_each(CASES), ids=str)
def test_remat_has_the_same_gradients(case):
    inputs = [tf.constant(x) for x in case.inputs()]
    cotangent = case.cotangent()
    plain = case.generic()
    with keras.RematScope(mode="full"):
        remat = case.layer()
    remat.build(*case.shapes)
    remat.set_weights(plain.get_weights())

    def gradients(layer):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(layer(*inputs) * cotangent)
        weights = [w.value for w in layer.trainable_weights]
        return tape.gradient(loss, [*inputs, *weights])

    assert_close(gradients(remat), gradients(plain))


@pytest.mark.parametrize(
    "case",
    subset([c for c in CASES if c.layer_cls in (SpatialAttention, CBAM)], 2),
    ids=str,
)
def test_second_derivatives_are_differences_of_the_first(case):
    """Under XLA a different form, with a custom gradient, is used."""
    layer = case.generic(dtype="float64")
    (x,) = case.inputs(dtype="float64")
    way = np.random.default_rng(3).normal(size=x.shape)
    kernels = [w.value for w in layer.trainable_weights if "conv" in w.path]

    @tf.function(jit_compile=True)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) ** 2)
        return tf.reduce_sum(tape.gradient(loss, x) * way)

    @tf.function(jit_compile=True)
    def second(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = gradient(x)
        return tape.gradient(value, [x, *kernels])

    of_x, *of_kernels = second(tf.constant(x))
    step = 1e-6
    other = np.random.default_rng(4).normal(size=x.shape)
    difference = gradient(tf.constant(x + step * other))
    difference = (
        (difference - gradient(tf.constant(x - step * other))) / 2 / step
    )
    assert_close(np.sum(of_x * other), to_numpy(difference), 1e-5)
    for kernel, found in zip(kernels, of_kernels, strict=True):
        value = kernel.numpy()
        other = np.random.default_rng(5).normal(size=value.shape)
        ends = []
        for sign in (1, -1):
            kernel.assign(value + sign * step * other)
            ends.append(to_numpy(gradient(tf.constant(x))))
        kernel.assign(value)
        difference = (ends[0] - ends[1]) / 2 / step
        assert_close(np.sum(found * other), difference, 1e-5)


def convolutions():
    """Yield the settings and the shapes of convolutions, channels first."""
    for channels, channels_per_group in ((6, 6), (6, 3), (32, 16)):
        for kernel_size in ((1, 1), (3, 3), (2, 3)):
            for strides, dilation_rate in ((1, 1), (2, 1), ((2, 3), 1), (1, 2)):
                for padding in ("same", "valid"):
                    yield (
                        (*kernel_size, channels_per_group, 4),
                        (2, channels, 6, 7),
                        {
                            "strides": strides,
                            "dilation_rate": dilation_rate,
                            "padding": padding,
                        },
                    )


@pytest.mark.parametrize(("kernel", "shape", "settings"), list(convolutions()))
def test_channels_first_convolutions_equal_channels_last(
    kernel, shape, settings, rng
):
    x, kernel = (tf.constant(rng.normal(size=s)) for s in (shape, kernel))
    bias = tf.constant(rng.normal(size=4))
    found, expected = [], []
    for results, layout, order in (
        (found, "channels_first", (0, 1, 2, 3)),
        (expected, "channels_last", (0, 3, 1, 2)),
    ):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel, bias])
            maps = (
                x
                if layout == "channels_first"
                else tf.transpose(x, (0, 2, 3, 1))
            )
            y = FUNCTIONS["conv2d"](
                maps, kernel, bias, data_format=layout, **settings
            )
            y = tf.transpose(y, order)
            loss = tf.reduce_sum(tf.sin(y))
        results += [y, *tape.gradient(loss, [x, kernel, bias])]
    assert_close(found, expected, 1e-12)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_channels_first_convolutions_in_graphs(size, groups, jit_compile, rng):
    x = tf.constant(rng.normal(size=(2, 4, 5, 6)))
    kernel = tf.constant(rng.normal(size=(size, size, 4 // groups, 6)))

    def convolve(x):
        return FUNCTIONS["conv2d"](
            x,
            kernel,
            None,
            strides=2,
            padding="same",
            dilation_rate=1,
            data_format="channels_first",
        )

    unknown = [tf.TensorSpec((None, 4, None, None), x.dtype)]
    graph = tf.function(convolve, unknown, jit_compile=jit_compile)
    assert_close(graph(x), convolve(x), 1e-12)
    if size > 1 and not jit_compile:
        concrete = graph.get_concrete_function()
        layouts = {
            node.attr["data_format"].s
            for node in concrete.graph.as_graph_def().node
            if node.op == "Conv2D"
        }
        assert layouts == {b"NHWC"}


@pytest.mark.parametrize("on_gpu", [False, True])
def test_layout_of_convolutions_follows_the_device(on_gpu, monkeypatch, rng):
    from keras_attention._backend import tensorflow as native

    devices = [tf.config.LogicalDevice("/device:GPU:0", "GPU")] * on_gpu
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: devices)

    @tf.function
    def convolve(x):
        assert native._runs_on_gpu(x) == on_gpu
        return FUNCTIONS["conv2d"](
            x,
            tf.ones((3, 3, 4, 4)),
            None,
            strides=1,
            padding="same",
            dilation_rate=1,
            data_format="channels_first",
        )

    graph = convolve.get_concrete_function(tf.TensorSpec((2, 4, 5, 6))).graph
    (node,) = (n for n in graph.as_graph_def().node if n.op == "Conv2D")
    assert node.attr["data_format"].s == (b"NCHW" if on_gpu else b"NHWC")
    x = tf.ones((2, 4, 5, 6))  # a tensor on a CPU
    assert not native._runs_on_gpu(x)


@pytest.mark.parametrize("offset_groups", [1, 2])
def test_shapes_are_those_of_the_offsets_themselves(offset_groups, data_format):
    """tf2onnx returns the shape before a reshape for a reshaped tensor."""

    def shape(channels):
        first = data_format == "channels_first"
        sizes = (None, None)
        return (None, channels, *sizes) if first else (None, *sizes, channels)

    @tf.function
    def convolve(x, offsets, mask):
        return ops.deform_conv2d(
            x,
            offsets,
            tf.ones((1, 3, 4, 5)),
            mask=mask,
            padding="same",
            offset_groups=offset_groups,
            data_format=data_format,
        )

    taps = 3 * offset_groups
    graph = convolve.get_concrete_function(
        *(tf.TensorSpec(shape(count)) for count in (4, 2 * taps, taps))
    ).graph
    nodes = graph.as_graph_def().node
    reshaped = {
        node.name
        for node in nodes
        if node.op == "Reshape" and node.input[0] in ("offsets", "mask")
    }
    assert len(reshaped) == 2
    assert not [
        node.name
        for node in nodes
        if node.op == "Shape" and node.input[0] in reshaped
    ]
