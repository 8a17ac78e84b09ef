"""Callbacks that print the progress of a training and measure its time."""

import statistics
import sys
import time
from collections.abc import Iterator
from collections.abc import Sequence
from typing import TypeVar

import keras

Item = TypeVar("Item")


class Progress(keras.callbacks.Callback):
    """A bar for all epochs of all runs; without a terminal, a line per run."""

    def __init__(self, epochs: int):
        super().__init__()
        self.bar = keras.utils.Progbar(
            epochs, width=8, stateful_metrics=["loss", "accuracy"]
        )
        self.is_live = sys.stdout.isatty()
        self.done = 0
        self.run = ""

    def on_train_begin(self, logs=None):
        self.bar.unit_name = f"epoch, {self.run}"
        if self.is_live and not self.done:
            self.bar.update(0)

    def on_epoch_end(self, epoch, logs=None):
        self.done += 1
        if self.is_live:
            values = [(name, logs[name]) for name in ("loss", "accuracy")]
            self.bar.update(self.done, values)

    def on_train_end(self, logs=None):
        if not self.is_live:
            print(
                f"{self.done}/{self.bar.target} epochs, {self.run}: "
                f"loss {logs['loss']:.4f}, accuracy {logs['accuracy']:.4f}",
                flush=True,
            )


class Stopwatch(keras.callbacks.Callback):
    """The seconds of each epoch."""

    def on_train_begin(self, logs=None):
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)

    def median(self) -> float:
        """Return the median, without the first epoch, which compiles."""
        return statistics.median(self.seconds[1:] or self.seconds)


def track(items: Sequence[Item], name: str) -> Iterator[Item]:
    """Yield items, with a bar of how many are done, on a terminal only."""
    if not sys.stdout.isatty() or not items:
        yield from items
        return
    bar = keras.utils.Progbar(len(items), width=8, unit_name=name)
    for done, item in enumerate(items, 1):
        yield item
        bar.update(done)
