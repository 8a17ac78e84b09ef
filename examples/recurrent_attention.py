"""Recurrent attention: digits classified by a few glimpses.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/recurrent_attention.py
    python examples/recurrent_attention.py --glimpses 1 2 3 4 5 6 7 8
    python examples/recurrent_attention.py --data mnist --epochs 10

Trains the recurrent attention model on digits that lie anywhere on a larger
image, in clutter or (`--plain`) alone. The model receives only small squares of
the image, sharp in the center and blurred around it. It learns the locations of
glimpses from the reward for a correct prediction. Prints the error on test
digits by the number of glimpses, and that of the same network at random
locations, and plots the locations.

The sizes and the learning rate were chosen by validation within the training
digits (`--validate`), and the number of epochs so that all takes a few minutes;
with fewer all errors are higher. `docs/results.md` has the table of a run, and
what else was tried. `KERAS_BACKEND` chooses among those that are installed:
jax, tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
from collections.abc import Callable
from functools import partial

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")

import _distorted
import _glimpses_picture
import _table
import _training
import keras
from keras import layers
from keras import ops

import keras_attention

TRANSLATED = _distorted.Distortion(canvas=32, digit=18, translation=1)
DISTORTION = TRANSLATED._replace(clutter=3, piece=5)
COLUMNS = {"error in %": ".2f", "parameters": ",d", "s/epoch": ".2f"}
UNITS = 128
RETINA = {
    "glimpse_units": 64,
    "location_units": 64,
    "glimpse_size": 8,
    "num_scales": 2,
}
BATCH_SIZE = 64
LEARNING_RATE = 3e-3


class RandomGlimpses(keras.Model):
    """The same network with glimpses at random locations."""

    def __init__(self, num_glimpses: int):
        super().__init__()
        self.num_glimpses = num_glimpses
        self.glimpse = keras_attention.GlimpseNetwork(UNITS, **RETINA)
        self.core_input = layers.Dense(UNITS)
        self.core_state = layers.Dense(UNITS)
        self.classifier = layers.Dense(10, activation="softmax")
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, images):
        count = ops.shape(images)[0]
        state = ops.zeros((count, UNITS))
        for _ in range(self.num_glimpses):
            locations = keras.random.uniform(
                (count, 2), -1, 1, seed=self.seed_generator
            )
            glimpse = self.glimpse(images, locations)
            state = ops.relu(self.core_input(glimpse) + self.core_state(state))
        return self.classifier(state)


def build_choosing(num_glimpses: int) -> keras.Model:
    """Return a network that selects the locations of its glimpses."""
    return keras_attention.RecurrentAttention(
        10,
        units=UNITS,
        num_glimpses=num_glimpses,
        location_stddev=0.15,
        **RETINA,
    )


def networks(numbers: list[int], random: int) -> dict[str, Callable]:
    """Return the functions that build the networks, by name in the table."""
    builders = {str(n): partial(build_choosing, n) for n in numbers}
    builders[f"{random} random"] = partial(RandomGlimpses, random)
    return builders


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train networks that read digits by a few glimpses, and "
        "plot the locations of the glimpses."
    )
    parser.add_argument(
        "--glimpses",
        type=_support.positive_integer,
        nargs="+",
        default=[2, 4, 6],
        metavar="COUNT",
        help="numbers of glimpses; the last is plotted (default: 2 4 6)",
    )
    parser.add_argument(
        "--random",
        type=_support.positive_integer,
        default=8,
        metavar="COUNT",
        help="number of random glimpses to compare with (default: %(default)s)",
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="leave the clutter away: digits that only lie anywhere",
    )
    _support.add_data_options(parser)
    _support.add_options(
        parser, epochs=160, output="output/recurrent_attention"
    )
    return parser.parse_args()


def main() -> None:
    """Train, print the results and plot them."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    task = _training.make_task(
        options, TRANSLATED if options.plain else DISTORTION
    )
    rows, models = _training.compare(
        networks(options.glimpses, options.random),
        task,
        epochs=options.epochs,
        seeds=options.seeds,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
    )
    print(f"\n{_table.markdown('glimpses', COLUMNS, rows)}\n")
    print(_table.about(options.seeds, len(task.images), BACKEND))

    path = options.output / "recurrent_attention.png"
    model = models[str(options.glimpses[-1])]
    _glimpses_picture.plot(path, model, task.images, task.labels)
    print(f"\npicture: {path}")


if __name__ == "__main__":
    main()
