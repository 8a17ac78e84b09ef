"""Copies of custom models and layers: classes, state and inner layers."""

import collections
import functools
import itertools
import operator
import threading
import types
import warnings
from concurrent import futures

import keras
import numpy as np
import pytest
from keras import layers
from keras import ops

import keras_attention
import surgery_networks as networks
from autodiff import subset
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from keras_attention import SelectiveKernel
from keras_attention import SqueezeExcite
from keras_attention import attach
from keras_attention import replace_add

register = keras.saving.register_keras_serializable(package="tests.classes")


def se():
    return SqueezeExcite(2, activation="silu")


def convolution(width=4):
    inputs = keras.Input((6, 6, 3))
    return inputs, layers.Conv2D(width, 3, padding="same", name="conv")(inputs)


class Doubling:
    """Overrides `call` and `predict`."""

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training)

    def predict(self, x, **kwargs):
        return 3 * super().predict(x, **kwargs)


@register
class Doubled(Doubling, keras.Model):
    pass


@register
class DoubledChain(Doubling, keras.Sequential):
    pass


@register
class Scaled(keras.Model):
    """Has arguments and attributes that a functional model does not have."""

    def __init__(self, inputs, outputs, factor=2.0, **kwargs):
        super().__init__(inputs, outputs, **kwargs)
        self.factor = factor
        self.more = layers.Dense(4, bias_initializer="normal", name="more")
        self.more.build((None, None, None, 4))
        self.start = self.add_weight((4,), "ones", name="start")
        self.parts = [self.more, factor]
        self.table = {"factor": factor}
        self.losses_of = (abs,)
        self.tracker = keras.metrics.Mean()

    def call(self, inputs, training=None, mask=None):
        x = super().call(inputs, training=training)
        return self.factor * self.more(x) + self.start


@register
class OwnGraph(Doubling, keras.Model):
    """Makes its graph itself. Its config holds its argument."""

    def __init__(self, width=4, **kwargs):
        super().__init__(*convolution(width), **kwargs)
        self.width = width


@register
class Task(keras.Model):
    """A backbone with a head, and a predict step with preprocessing."""

    def __init__(self, backbone, scale=2.0, **kwargs):
        inputs = keras.Input((6, 6, 3))
        outputs = layers.Dense(3, name="head")(backbone(inputs)) * 2
        super().__init__(inputs, outputs, **kwargs)
        self.backbone = backbone
        self.scale = scale

    def predict(self, x, **kwargs):
        return super().predict(self.scale * x, **kwargs)

    def get_config(self):
        backbone = keras.saving.serialize_keras_object(self.backbone)
        return {"backbone": backbone, "scale": self.scale, "name": self.name}

    @classmethod
    def from_config(cls, config):
        if isinstance(config["backbone"], dict):
            backbone = config["backbone"]
            config["backbone"] = keras.saving.deserialize_keras_object(backbone)
        return cls(**config)


@register
class Described(keras.Model):
    """Overrides only methods that compute nothing."""

    def __init__(self, width=4, **kwargs):
        super().__init__(*convolution(width), **kwargs)

    def get_config(self):
        return {}

    def summary(self):
        """Print nothing."""

    def embed(self, x):
        return self(x)


def bare(name="backbone"):
    return keras.Model(*convolution(), name=name)


def around(inner):
    inputs = keras.Input((6, 6, 3))
    return keras.Model(inputs, layers.Conv2D(4, 1, name="last")(inner(inputs)))


def changed_scaled():
    model = Scaled(*convolution(), factor=5.0)
    model.start.assign(np.arange(4))
    model.table["factor"] = 7.0
    model.note = "mine"
    model.steps, model.pair = [1, 2], (3,)
    return model


def chain(kind):
    return kind(
        [keras.Input((6, 6, 3)), layers.Conv2D(4, 3, name="conv")], name="chain"
    )


MODELS = {
    "graph": (lambda: Doubled(*convolution()), "conv"),
    "chain": (lambda: chain(DoubledChain), "conv"),
    "arguments": (changed_scaled, "conv"),
    "config": (lambda: Task(bare(), 3.0), "conv"),
    "model in a config": (lambda: Task(Doubled(*convolution()), 3.0), "conv"),
    "config without arguments": (
        lambda: Task(Described(name="inner")),
        "inner/conv",
    ),
    "inner graph": (lambda: around(Doubled(*convolution())), "conv"),
    "inner chain": (lambda: around(chain(DoubledChain)), "conv"),
    "inner task": (lambda: around(Task(bare())), "conv"),
    "inner head": (lambda: around(Task(bare())), "head"),
    "unchanged inner model": (lambda: around(OwnGraph(name="own")), "last"),
    "unchanged inner task": (lambda: around(Task(bare(), name="task")), "last"),
    "harmless": (Described, "conv"),
}


@pytest.mark.parametrize("case", MODELS)
def test_models_that_override_methods_compute_the_same(case):
    make, where = MODELS[case]
    model = networks.randomized(make())
    x = networks.images(model)
    new = attach(model, se(), where)
    assert_same(new(x), model(x))
    assert_close(new.predict(x, verbose=0), model.predict(x, verbose=0), 1e-5)
    assert len(new.trainable_weights) == len(model.trainable_weights) + 3
    assert not {id(w) for w in model.weights} & {id(w) for w in new.weights}
    assert new.name == model.name
    if isinstance(model, Doubling | Task | Scaled):
        assert type(new) is type(model)
    names = [
        {
            x.name
            for x in m._flatten_layers()
            if type(x) is not layers.InputLayer
        }
        for m in (model, new)
    ]
    assert names[0] <= names[1]


def test_attributes_are_copied():
    model = changed_scaled()
    model.conv = model.get_layer("conv")
    new = attach(model, se(), "conv")
    assert (new.factor, new.note) == (5.0, "mine")
    assert new.table == {"factor": 7.0}
    assert new.conv is new.get_layer("conv")
    assert new.parts[0] is new.more
    assert new.more is not model.more
    assert new.losses_of == (abs,)
    assert (list(new.steps), tuple(new.pair)) == ([1, 2], (3,))
    assert new.tracker is not model.tracker


def test_upgraded_task_survives_saving(tmp_path):
    model = Task(bare(), 3.0)
    new = attach(model, se(), "conv")
    networks.randomized(new)
    new.save(tmp_path / "task.keras")
    loaded = keras.saving.load_model(tmp_path / "task.keras")
    x = networks.images(new)
    assert type(loaded) is Task
    assert_close(loaded.predict(x, verbose=0), new.predict(x, verbose=0), 1e-6)


@register
class Unnamed(Task):
    """Has a config without its backbone."""

    def get_config(self):
        return {"scale": self.scale}


@register
class Fixed(Task):
    """Makes a new backbone when it is made from its config."""

    def get_config(self):
        return {"scale": self.scale}

    @classmethod
    def from_config(cls, config):
        return cls(bare(), **config)


@register
class Swapping(Task):
    """Ignores the backbone in its config."""

    @classmethod
    def from_config(cls, config):
        return cls(bare())


@register
class OtherKind(Doubling, keras.Model):
    """Has a config that makes other operations."""

    def __init__(self, extra=False, **kwargs):
        inputs, x = convolution()
        super().__init__(inputs, x + 1 if extra else x * 2, **kwargs)

    def get_config(self):
        return {"extra": True}


@register
class Broken(OwnGraph):
    """Has no config."""

    def get_config(self):
        raise NotImplementedError


@register
class OtherGraph(OwnGraph):
    """Has a config that makes other weights."""

    def get_config(self):
        return {"width": 5}


@register
class LongerGraph(Doubling, keras.Model):
    """Has a config that makes a longer graph."""

    def __init__(self, extra=False, **kwargs):
        inputs, x = convolution()
        super().__init__(inputs, x + 1 if extra else x, **kwargs)

    def get_config(self):
        return {"extra": True}


@register
class Forgetful(Doubling, keras.Model):
    """Has an argument that is not an attribute."""

    def __init__(self, inputs, outputs, factor=1, name=None):
        super().__init__(inputs, outputs, name=name)


@register
class Ignoring(Doubling, keras.Model):
    """Accepts any arguments and uses none."""

    def __init__(self, *args, **kwargs):
        super().__init__(*convolution(), **kwargs)


@register
class Picky(Doubling, keras.Model):
    """Has a constructor that accepts no name."""

    def __init__(self, inputs, outputs, name=None):
        if name is not None:
            raise ValueError("not me")
        super().__init__(inputs, outputs)


def set_on_the_model():
    model = bare()
    model.predict = model.predict
    return model


def with_a_teacher():
    model = Doubled(*convolution())
    model.teacher = bare()
    return model


REFUSED = {
    "own graph": (
        OwnGraph,
        "conv",
        r"bare graph.* OwnGraph overrides call, predict.*`keras\.M",
    ),
    "head": (
        lambda: Task(bare()),
        "head",
        r"Task overrides predict, .*pass `model\.backbone` and make",
    ),
    "unnamed": (lambda: Unnamed(bare()), "conv", "KeyError: 'backbone'"),
    "unchanged": (lambda: Fixed(bare()), "conv", "its config does not name"),
    "inner": (
        lambda: around(OwnGraph(name="own")),
        "conv",
        "The model 'own' in `model` must .*OwnGraph overrides call",
    ),
    "broken": (
        lambda: around(Broken()),
        "last",
        "Broken overrides.*lost: NotImplementedError",
    ),
    "longer": (lambda: around(LongerGraph()), "last", "not make its graph"),
    "other kind": (lambda: around(OtherKind()), "last", "not make its graph"),
    "swapping": (lambda: Swapping(bare()), "conv", "not make its graph"),
    "forgetful": (
        lambda: Forgetful(*convolution()),
        "conv",
        "its argument `factor` is not among its attributes",
    ),
    "ignoring": (lambda: Ignoring(), "conv", "makes another graph than"),
    "picky": (lambda: Picky(*convolution()), "conv", "lost: ValueError: not m"),
    "instance": (set_on_the_model, "conv", "`predict` is set on the"),
    "teacher": (with_a_teacher, "conv", "its attribute `teacher` is not in"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_classes_that_cannot_be_kept_raise(case):
    make, where, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"(?s){message}.*Received: model=<"):
        attach(make(), se(), where)


def test_configs_that_make_other_weights_raise():
    with pytest.raises(ValueError, match="must have the same weights"):
        attach(around(OtherGraph()), se(), "last")


def test_attach_to_the_bare_graph():
    model = networks.randomized(OwnGraph())
    graph = keras.Model(model.input, model.output)
    new = attach(graph, se(), "conv")
    x = networks.images(model)
    assert_same(2 * new(x), model(x))


FACTORS = {}


class Hidden(Doubling, keras.Model):
    """Computes with a value that is not an attribute."""

    def __init__(self, inputs, outputs, name=None):
        super().__init__(inputs, outputs, name=name)

    def call(self, inputs, training=None, mask=None):
        factor = FACTORS.get(id(self), 1)
        return factor * super().call(inputs, training=training)


def test_hidden_state_of_a_class_raises():
    model = Hidden(*convolution())
    FACTORS[id(model)] = 4
    with pytest.raises(ValueError, match=r"compute the same .*Hidden \(call"):
        attach(model, se(), "conv")


class Stateful(keras.Model):
    """Predicts with attributes beside its graph."""

    def __init__(self, inputs, outputs, **kwargs):
        self._late = kwargs.pop("late", 0.0)
        super().__init__(inputs, outputs, **kwargs)
        self._shift = 0.0
        self._norm = layers.Normalization()
        self._norm.build((None, 6, 6, 4))
        self._scale = self.add_weight((), "ones", trainable=False, name="scale")
        self.table = ops.ones((4,))
        self.before = collections.deque([0.0])
        self.banned = {9}
        self.after = abs
        self.last = functools.partial(np.add, 0.0)
        self.method = self.unchanged
        self.pair = Pair(0.0, [0.0])
        self.settings = types.SimpleNamespace(
            power=1.0, owner=self, counts=collections.defaultdict(int)
        )
        self.generator = np.random.default_rng(0)
        self.lock = threading.Lock()
        self.adam = keras.optimizers.Adam()
        self.activation = None
        self.power = power(1)

    def unchanged(self, y):
        return y + self._late

    def doubled(self, y):
        return 2 * y + self._late

    def predict(self, x, **kwargs):
        y = super().predict(x, **kwargs)
        y = to_numpy(self._norm(y) / self._scale * self.table) + self._shift
        y = y + sum(self.before) + self.pair.one + sum(self.pair.others)
        y = y + sum(self.settings.counts.values())
        y = y + self.settings.counts["never"]
        if self.activation is not None:
            y = self.activation(y)
        y[..., [c for c in self.banned if c < 4]] = 0
        y = self.power(self.last(self.after(y))) ** self.settings.power
        return self.method(y) + self.settings.owner._shift


def power(exponent):
    return lambda y: y**exponent


Pair = collections.namedtuple("Pair", ["one", "others"])

CHANGES = {
    "an argument without a name": lambda m: setattr(m, "_late", 5.0),
    "a private number": lambda m: setattr(m, "_shift", 3.0),
    "a private layer": lambda m: m._norm.adapt(
        3 * np.random.default_rng(0).normal(size=(9, 6, 6, 4)) + 5
    ),
    "a private weight": lambda m: m._scale.assign(4.0),
    "a tensor": lambda m: setattr(m, "table", ops.full((4,), 9.0)),
    "a queue": lambda m: m.before.append(5.0),
    "a set": lambda m: m.banned.add(1),
    "a function": lambda m: setattr(m, "after", lambda y: y * 7),
    "a name that Keras uses elsewhere": lambda m: setattr(
        m, "activation", np.tanh
    ),
    "counts": lambda m: m.settings.counts.update(some=2),
    "a metric": lambda m: setattr(m, "mean", keras.metrics.Mean()),
    "a callback": lambda m: setattr(m, "seen", keras.callbacks.Callback()),
    "a function in C": lambda m: setattr(m, "after", operator.neg),
    "a function of something else": lambda m: setattr(m, "power", power(2)),
    "another kind of function": lambda m: setattr(
        m, "after", functools.partial(np.subtract, 6.0)
    ),
    "an optimizer": lambda m: m.adam.build(m.trainable_variables),
    "a loss": lambda m: setattr(m, "loss_of", keras.losses.MeanSquaredError()),
    "arguments of a function": lambda m: setattr(
        m, "last", functools.partial(np.add, 6.0)
    ),
    "a method": lambda m: setattr(m, "method", m.doubled),
    "a tuple": lambda m: setattr(m, "pair", Pair(1.0, [2.0])),
    "an object": lambda m: setattr(m.settings, "power", 2.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_state_beside_the_graph_is_copied(change):
    model = Stateful(*convolution())
    CHANGES[change](model)
    model.generator.normal()
    new = attach(model, se(), "conv")
    x = networks.images(model)
    assert type(new) is Stateful
    assert_close(new.predict(x, verbose=0), model.predict(x, verbose=0))
    assert new.generator.normal() == model.generator.normal()
    assert hasattr(new, "mean") is hasattr(model, "mean")
    # Changes of the model do not change the copy.
    assert new.method.__self__ is new.settings.owner is new
    before = new.predict(x, verbose=0)
    model._shift, model.settings.power = 1.0, 3.0
    model._scale.assign(8.0)
    model.before.append(1.0)
    assert_same(new.predict(x, verbose=0), before)


class Recalling(Doubling, keras.Model):
    """Has an attribute that is a function of a layer in its graph."""

    def __init__(self, inputs, outputs, **kwargs):
        super().__init__(inputs, outputs, **kwargs)
        layer = self.get_layer("conv")
        self.kernel = lambda: layer.kernel


def test_functions_use_layers_of_the_copy():
    model = Recalling(*convolution())
    new = attach(model, se(), "conv")
    assert new.kernel() is new.get_layer("conv").kernel
    kernel = model.get_layer("conv").kernel
    model.kernel = lambda: kernel
    attach(model, se(), "conv")
    model.kernel = lambda: model.get_layer("conv").kernel
    with pytest.raises(
        ValueError, match="`kernel` is a function that uses its"
    ):
        attach(model, se(), "conv")


def test_attributes_that_cannot_be_copied_raise():
    model = Stateful(*convolution())
    model.rows = iter([1, 2])
    attach(model, se(), "conv")
    model.rows = (row for row in [1, 2])
    with pytest.raises(ValueError, match="`rows` cannot be copied"):
        attach(model, se(), "conv")
    model.rows = [1]
    model.rows.append(model.rows)
    with pytest.raises(ValueError, match="`rows` contains itself"):
        attach(model, se(), "conv")


@pytest.mark.skipif(
    keras.config.backend() != "torch", reason="Only PyTorch has modules."
)
def test_parameters_and_buffers_of_pytorch_are_kept():
    import torch  # noqa: TID251

    class Holder(keras.Model):
        def __init__(self, inputs, outputs, **kwargs):
            super().__init__(inputs, outputs, **kwargs)
            self.factor = torch.nn.Parameter(torch.ones(()))
            self.register_buffer("shift", torch.ones(()))

        def predict_step(self, data):
            return super().predict_step(data) * self.factor + self.shift

    model = Holder(*convolution())
    model.factor.data.fill_(3.0)
    model.shift.fill_(2.0)
    model.product = model.factor * 2
    new = attach(model, se(), "conv")
    x = networks.images(model)
    assert_close(new.predict(x, verbose=0), model.predict(x, verbose=0))
    assert isinstance(new.factor, torch.nn.Parameter)
    assert to_numpy(new.product) == 6


def test_trained_models_keep_their_class():
    model = Stateful(*convolution())
    x = networks.images(model)
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(x, np.zeros((2, 6, 6, 4)), verbose=0)
    model.evaluate(x, np.zeros((2, 6, 6, 4)), verbose=0)
    new = attach(model, se(), "conv")
    assert_close(new.predict(x, verbose=0), model.predict(x, verbose=0))


def test_call_set_on_a_layer_object_raises():
    model = keras.Model(*convolution())
    layer = model.get_layer("conv")
    call = layer.call
    layer.call = lambda x: 5 * call(x)
    with pytest.raises(ValueError, match="that was set on the object"):
        attach(model, se(), "conv")


def test_attach_while_hooks_are_installed():
    model = Doubled(*convolution())
    x = networks.images(model)
    new, attaching = [], False

    class Attaching(layers.Layer):
        def call(self, x):
            if attaching:
                with futures.ThreadPoolExecutor() as threads:
                    new.append(threads.submit(attach, model, se(), "conv"))
            return x

    inputs = keras.Input((6, 6, 3))
    outer = keras.Model(inputs, se()(Attaching()(model(inputs))))
    attaching = True
    keras_attention.attention_maps(outer, x)
    assert_same(new[0].result()(x), model(x))


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(
    "attention", [se(), keras_attention.GatedChannelTransform()], ids=type
)
def test_masks_pass_through_attention(attention, dtype):
    inputs = keras.Input((7,), dtype="int32")
    x = layers.Embedding(20, 8, mask_zero=True, name="words")(inputs)
    x = layers.Dense(8, name="dense", dtype=dtype)(x)
    y = layers.Add(name="add")([x, layers.Dense(8, name="other")(x)])
    y = layers.MultiHeadAttention(2, 3)(y, y)
    model = keras.Model(inputs, layers.LSTM(4)(y))
    ids = np.random.default_rng(0).integers(0, 3, (5, 7))
    new = attach(model, attention, "words|dense|add")
    assert_same(new(ids), model(ids))
    # Masks also pass when layers are made from their config.
    clone = keras.models.clone_model(new)
    clone.set_weights(new.get_weights())
    assert_same(clone(ids), model(ids))


def test_replace_add_keeps_classes():
    model = networks.residual()
    model = Doubled(model.input, model.output)
    fusion = keras_attention.AttentionalFeatureFusion(2)
    new = replace_add(model, fusion, "first_add")
    x = networks.images(model)
    assert type(new) is Doubled
    assert_close(new(x), model(x), 1e-4)


@register
class Holding(layers.Layer):
    """Contains layers and models, also in lists and dictionaries."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = [layers.Dense(3), layers.Dense(3)]
        self.more = {"a": layers.Dense(3), "b": [layers.Dense(3)]}
        self.chain = keras.Sequential(
            [layers.Dense(3), layers.BatchNormalization()]
        )
        inputs = keras.Input((None, None, 3))
        self.graph = keras.Model(inputs, layers.Dense(3, name="q")(inputs))

    def build(self, input_shape):
        self.late = layers.Dense(3)
        self.late.build(input_shape)

    def call(self, x):
        for part in (*self.parts, self.more["a"], self.more["b"][0]):
            x = part(x)
        return self.late(self.graph(self.chain(x)))


def stacked():
    return layers.RNN([layers.LSTMCell(2), layers.GRUCell(3)])


# For each case: a layer, the shape of its input, and the inner layers that are
# frozen.
FROZEN = {
    "attention": (
        lambda: layers.MultiHeadAttention(2, 4),
        (4, 3),
        [lambda x: x._query_dense],
    ),
    "selective": (
        lambda: SelectiveKernel(4),
        (6, 6, 3),
        [lambda x: x.branches[0].norm],
    ),
    "bidirectional": (
        lambda: layers.Bidirectional(layers.LSTM(3)),
        (4, 3),
        [lambda x: x.backward_layer, lambda x: x.forward_layer.cell],
    ),
    "time distributed": (
        lambda: layers.TimeDistributed(keras.Sequential([layers.Dense(3)])),
        (4, 3),
        [lambda x: x.layer.layers[0]],
    ),
    "stacked cells": (stacked, (4, 3), [lambda x: x.cell.cells[1]]),
    "composite": (
        Holding,
        (6, 6, 3),
        [
            lambda x: x.parts[1],
            lambda x: x.more["b"][0],
            lambda x: x.chain.layers[1],
            lambda x: x.graph.get_layer("q"),
            lambda x: x.late,
        ],
    ),
    "variable": (layers.BatchNormalization, (6, 6, 3), [lambda x: x.gamma]),
}


def frozen_names(layer):
    return [w.trainable for w in layer.weights]


@pytest.mark.parametrize("case", FROZEN)
def test_frozen_inner_layers_stay_frozen(case):
    make, shape, parts = FROZEN[case]
    inputs = keras.Input(shape)
    x = layers.Dense(3, name="dense")(inputs)
    x = layers.Add(name="add")([x, inputs])
    layer = make()
    takes_two = isinstance(layer, layers.MultiHeadAttention)
    model = keras.Model(inputs, layer(x, x) if takes_two else layer(x))
    for part in parts:
        part(layer).trainable = False
    if len(shape) > 2:
        fusion = keras_attention.AttentionalFeatureFusion(2)
        new = replace_add(model, fusion)
    else:
        new = attach(model, se(), "dense")
    copy = new.get_layer(layer.name)
    assert frozen_names(copy) == frozen_names(layer)
    assert len(copy.trainable_weights) == len(layer.trainable_weights)
    assert_same(copy.get_weights(), layer.get_weights())


def test_trainable_layer_in_a_frozen_layer_is_kept():
    inputs = keras.Input((6, 6, 3))
    layer = Holding()
    model = keras.Model(inputs, layer(layers.Dense(3, name="dense")(inputs)))
    layer.trainable = False
    layer.late.trainable = True
    copy = attach(model, se(), "dense").get_layer(layer.name)
    assert not copy.trainable_weights
    assert copy.late.trainable
    assert not copy.graph.trainable


@register
class Holder(layers.Layer):
    """Contains a layer that its config does not hold."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)


@pytest.mark.filterwarnings("ignore:.*`quantize` method")
@pytest.mark.parametrize("quantized", [False, True])
def test_dtype_policies_of_inner_layers_are_kept(quantized):
    inputs = keras.Input((4, 8))
    x = layers.Dense(8, name="dense")(inputs)
    layer = layers.MultiHeadAttention(2, 4, name="attention")
    part = layers.TimeDistributed(layers.Dense(4), name="part")
    part.layer.dtype_policy = "mixed_bfloat16"
    # The config of this one does not hold the policy of its layer.
    holder = Holder(name="holder")
    holder.dense.dtype_policy = "mixed_bfloat16"
    outputs = holder(part(layer(x, x)))
    model = networks.randomized(keras.Model(inputs, outputs))
    if quantized:
        model.quantize("int8")
    new = attach(model, se(), "dense")
    for name in ("attention", "part", "holder"):
        pairs = zip(
            new.get_layer(name)._flatten_layers(),
            model.get_layer(name)._flatten_layers(),
            strict=True,
        )
        for copy, old in pairs:
            assert copy.dtype_policy == old.dtype_policy
    x = networks.images(model)
    assert_same(new(x), model(x))


@register
class Omitting(layers.Layer):
    """Has a config without its argument."""

    def __init__(self, factor=1, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        if self.factor == "random":
            return x * np.random.default_rng().uniform()
        return x * (3 if self.factor == 3 else 1)

    def get_config(self):
        return {"name": self.name}


class Failing(layers.Layer):
    """Can be traced, but not run."""

    def call(self, x):
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        return input_shape


def with_layer(layer):
    inputs = keras.Input((6, 6, 3))
    return keras.Model(inputs, layer(layers.Dense(3, name="dense")(inputs)))


@pytest.mark.parametrize(
    "make", [Omitting, lambda: Omitting("random"), Failing]
)
def test_layers_that_cannot_be_compared_are_copied(make):
    model = with_layer(make())
    name = model.layers[-1].name
    new = attach(model, se(), "dense")
    assert type(new.get_layer(name)) is type(model.get_layer(name))


@register
class Stopping(Omitting):
    """Raises when its argument is the default."""

    def call(self, x):
        if self.factor == 1:
            raise NotImplementedError
        return x

    def compute_output_shape(self, input_shape):
        return input_shape


def test_layers_whose_copy_fails_raise():
    with pytest.raises(ValueError, match=r"Stopping does not. Received: layer"):
        attach(with_layer(Stopping(2)), se(), "dense")


def test_layers_whose_copy_differs_raise():
    message = "`get_config` must return all.*Omitting does not. Received: layer"
    with pytest.raises(ValueError, match=message):
        attach(with_layer(Omitting(3)), se(), "dense")


@register
class Pooling(Omitting):
    """Needs more pixels than 8."""

    def call(self, x):
        return self.factor * ops.average_pool(x, 9, strides=1)


@register
class Cropping(Omitting):
    """Returns an empty map for a small map."""

    def call(self, x):
        return self.factor * x[:, 9:]


@pytest.mark.parametrize("kind", [Pooling, Cropping])
def test_layers_that_need_large_maps_are_compared(kind):
    inputs = keras.Input((None, None, 3))
    x = layers.Dense(4, name="dense")(inputs)
    message = f"{kind.__name__} does not. Received: layer"
    with pytest.raises(ValueError, match=message):
        attach(keras.Model(inputs, kind(5)(x)), se(), "dense")


@register
class Nameless(layers.Layer):
    """Has a constructor that takes no name."""

    def __init__(self):
        super().__init__()

    def call(self, x, more=1):
        return x + more

    def get_config(self):
        return {}


@register
class Unreadable(Nameless):
    """Has a config that its constructor does not accept."""

    def get_config(self):
        return {"parts": 3}


def test_layers_without_a_name_are_copied():
    inputs = keras.Input((4,), dtype="int32")
    x = layers.Embedding(3, 4, name="words")(Nameless()(inputs, more=0))
    model = keras.Model(inputs, x)
    x = np.ones((2, 4), "int32")
    assert_same(attach(model, se(), "words")(x), model(x))


def test_configs_that_from_config_refuses_raise():
    message = (
        r"`from_config` of a layer must accept .* of Unreadable does "
        r"not: TypeError: .*Received: layer=<Unreadable name=unreadable"
    )
    with pytest.raises(ValueError, match=message):
        attach(with_layer(Unreadable()), se(), "dense")


def test_lambdas_and_operations_keep_their_functions():
    factor = 3.0
    function = layers.Lambda(lambda x: factor * ops.sin(x), name="function")
    model = with_layer(function)
    x = networks.images(model)
    new = attach(model, se(), "dense|function")
    assert_same(new(x), model(x))
    inputs = keras.Input((6, 6, 3))
    x = layers.Dense(3, name="dense")(inputs)
    x = ops.fori_loop(0, 2, lambda _, a: a * factor, x)
    model = keras.Model(inputs, x)
    x = networks.images(model)
    assert_same(attach(model, se(), "dense")(x), model(x))


@register
class Vocabulary(layers.Layer):
    """Has state that is saved in a file beside the weights."""

    words = ""

    def call(self, x):
        return x + len(self.words)

    def save_assets(self, folder):
        with open(f"{folder}/words.txt", "w") as file:
            file.write(self.words)

    def load_assets(self, folder):
        with open(f"{folder}/words.txt") as file:
            self.words = file.read()


def test_assets_are_copied():
    layer = Vocabulary(name="vocabulary")
    layer.words = "abc"
    model = with_layer(layer)
    new = attach(model, se(), "dense")
    assert new.get_layer("vocabulary").words == "abc"


def two_heads(structure):
    inputs = keras.Input((6, 6, 4), name="images")
    x = layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    a = layers.Add(name="a")([x, inputs])
    b = layers.Dense(4, name="b")(x)
    return keras.Model(inputs, structure(a, b))


STRUCTURES = [
    lambda a, b: a,
    lambda a, b: [a, b],
    lambda a, b: {"x": a, "y": b},
]


@pytest.mark.parametrize(
    ("structure", "fused"), subset(itertools.product(STRUCTURES, [False, True]))
)
def test_output_names_are_kept(structure, fused, tmp_path):
    model = two_heads(structure)
    if fused:
        new = replace_add(model, keras_attention.AttentionalFeatureFusion(2))
    else:
        new = attach(model, se(), ["a"])
    assert new.output_names == model.output_names
    names = (
        list(model.output)
        if isinstance(model.output, dict)
        else model.output_names
    )
    x = networks.images(model)
    y = keras.tree.map_structure(to_numpy, model(x))
    if not isinstance(y, dict) and len(names) > 1:
        y = dict(zip(names, y, strict=True))
    # Keras 3.11 does not accept metrics by the keys of a dictionary.
    is_old = keras.version().startswith("3.11.")
    metrics = {name: ["mae"] for name in names}
    if is_old and isinstance(model.output, dict):
        metrics = None
    results = []
    for each in (model, new):
        each.compile("sgd", loss=dict.fromkeys(names, "mse"), metrics=metrics)
        results.append(set(each.evaluate(x, y, verbose=0, return_dict=True)))
    assert results[0] == results[1]
    new.save(tmp_path / "new.keras")
    loaded = keras.saving.load_model(tmp_path / "new.keras")
    assert loaded.output_names == model.output_names
    loaded.fit(x, y, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the existing attention
        again = attach(loaded, se(), ["conv"])
    assert again.output_names == model.output_names
