"""A plot of the attention of every layer, on digits in clutter.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/every_layer.py
    python examples/every_layer.py --layers se cbam aff --epochs 20

Trains a small network on digits that are rotated, scaled and moved among pieces
of other digits. For each layer, inserts the layer into a copy of this network
(by `attach`, or `replace_add` for fusions), trains the copy for some more
epochs, and plots the attention on digits that it was not trained on: gates of
channels, weights of positions, offsets of taps, or weights of branches.

Plots are saved one by one. If you stop the script, the same command goes on
from there. The documentation of each layer shows its plot. To compare layers
with each other, use `examples/compare.py`. `KERAS_BACKEND` chooses among the
backends that are installed: jax, tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
from typing import Any
from typing import NamedTuple

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")

import _distorted
import _layer_network
import _layer_picture
import _progress
import _table
import _training
import keras

import keras_attention

DISTORTION = _distorted.Distortion(
    canvas=32,
    digit=20,
    rotation=30,
    scale=(0.7, 1.2),
    translation=1,
    clutter=3,
    piece=6,
)
BATCH_SIZE = 64
LEARNING_RATE = 5e-3
COLUMNS = {"error in %": ".2f", "parameters": ",d", "s/epoch": ".2f"}
# Kinds of attention that other examples plot: the layers with these kinds do
# not follow another layer, but are first in a network or are models themselves.
OTHER_EXAMPLES = {
    "grid": "spatial_transformer",
    "glimpses": "recurrent_attention",
    "saliency": "dynamic_capacity",
}


class Choice(NamedTuple):
    """A layer to plot.

    Attributes:
        name: The name by which the layer was chosen.
        cls: Its class.
    """

    name: str
    cls: Any

    @property
    def file(self) -> str:
        """The name of the picture."""
        return f"{self.cls.__module__.rpartition('.')[2]}.png"


def why_not(cls: Any) -> str | None:
    """Return why this script does not plot a layer, or `None` if it does."""
    if not cls.card.kinds:
        return f"{cls.__name__} has no attention weights of its own"
    for kind, example in OTHER_EXAMPLES.items():
        if kind in cls.card.kinds:
            return f"{cls.__name__} is plotted by examples/{example}.py"
    return None


def choice(name: str) -> Choice:
    """Return the layer of a name: a type for `argparse`."""
    # Names of classes are enough for layers that `get` cannot make without
    # arguments.
    cls = getattr(keras_attention, name, None)
    try:
        if name not in keras_attention.list_attentions():
            cls = type(_made(name))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if reason := why_not(cls):
        raise argparse.ArgumentTypeError(f"{name}: {reason}")
    return Choice(name, cls)


def _made(name: str) -> keras.layers.Layer:
    """Return the layer of a name, with `filters` if it requires them."""
    try:
        return keras_attention.get(name)
    except ValueError:
        return keras_attention.get(name, filters=8)


def all_choices() -> list[Choice]:
    """Return all layers that have a plot, as their cards say."""
    names = keras_attention.list_attentions()
    found = [Choice(name, getattr(keras_attention, name)) for name in names]
    return [choice for choice in found if why_not(choice.cls) is None]


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Insert each attention layer into a small network that was "
        "trained on distorted digits, and plot its attention."
    )
    parser.add_argument(
        "--layers",
        type=choice,
        nargs="+",
        metavar="NAME",
        help="layers to plot, by names that keras_attention.get accepts "
        "(default: all)",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="plot also the layers whose pictures are there already",
    )
    _support.add_data_options(parser)
    for name, default, help_ in (
        ("pretrain", 25, "epochs of the network without attention"),
        ("epochs", 6, "further epochs with each layer"),
    ):
        parser.add_argument(
            f"--{name}",
            type=_support.positive_integer,
            default=default,
            metavar="EPOCHS",
            help=f"{help_} (default: %(default)s)",
        )
    parser.add_argument(
        "--output",
        type=_support.folder,
        default="output/every_layer",
        metavar="DIR",
        help="folder of the pictures (default: %(default)s)",
    )
    return parser.parse_args()


class Trainer:
    """Trains networks on the same digits, and keeps their results.

    Args:
        task: The digits.
        epochs: The number of epochs of all networks together.
    """

    def __init__(self, task: _training.Task, epochs: int):
        self.rows: dict[str, list[dict[str, float]]] = {}
        self._task = task
        self._progress = _progress.Progress(epochs)

    def train(self, model: keras.Model, epochs: int, name: str) -> None:
        """Train a network, and add its results to the table."""
        task = self._task
        data = _distorted.Epochs(
            task.scans, task.distortion, batch_size=BATCH_SIZE, seed=0
        )
        seconds = _training.train(
            model,
            data,
            epochs=epochs,
            learning_rate=LEARNING_RATE,
            progress=self._progress,
            run=name,
        )
        row = {
            "error in %": _training.error(model, task.images, task.labels),
            "parameters": model.count_params(),
            "s/epoch": seconds,
        }
        self.rows[name] = [row]


def main() -> None:
    """Train the networks, save plots and print a table."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    chosen = [
        choice
        for choice in options.layers or all_choices()
        if options.again or not (options.output / choice.file).exists()
    ]
    if not chosen:
        print(f"all pictures are in {options.output} (--again plots again)")
        return
    task = _training.make_task(options, DISTORTION)
    trainer = Trainer(task, options.pretrain + options.epochs * len(chosen))
    keras.utils.set_random_seed(0)
    plain = _layer_network.build(DISTORTION.canvas)
    trainer.train(plain, options.pretrain, "no attention")
    for name, cls in chosen:
        keras.utils.set_random_seed(0)
        model = _layer_network.insert(plain, name, cls)
        trainer.train(model, options.epochs, cls.__name__)
        _layer_picture.plot(
            options.output / Choice(name, cls).file,
            model,
            task.images,
            task.labels,
            f"{cls.__name__} in a small network, on test digits",
            every_class=not _layer_network.has_positions(cls),
        )
        # Compiled functions of all networks would fill the memory.
        keras.backend.clear_session()
    print(f"\n{_table.markdown('layer', COLUMNS, trainer.rows)}\n")
    print(f"{_table.about(1, len(task.images), BACKEND)}\n")
    print(f"pictures: {options.output}")


if __name__ == "__main__":
    main()
