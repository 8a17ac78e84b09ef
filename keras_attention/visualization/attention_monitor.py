"""Callback that plots attention during training."""

from __future__ import annotations

import importlib.util
import io
import pathlib
import time
from typing import Any

import keras

from keras_attention._utils import validation
from keras_attention.visualization._figure_layout import require_matplotlib
from keras_attention.visualization.attention_maps import attention_maps
from keras_attention.visualization.plot_attention import plot_attention


class AttentionMonitor(keras.callbacks.Callback):
    """Callback that plots the attention of a model after each epoch.

    The plots are those of `keras_attention.plot_attention`, of the same samples
    each time. They are written to a folder as `epoch_0001.png` and so on. If
    TensorBoard is installed, they are also written to event files in that
    folder: `tensorboard --logdir FOLDER` shows them with a slider.

    Args:
        folder: Folder of the plots. It is created if it does not exist.
        inputs: Inputs of the model, as in `keras_attention.attention_maps`.
        images: Images to plot, by default `inputs` if that is one array.
        every: Number of epochs between two plots.
        batch_size: Number of samples that are computed at once.
        **options: Keyword arguments of `keras_attention.plot_attention`, such
            as `labels` and `where`.

    Raises:
        ValueError: If an argument is not as described above, or if the model
            has no layer with attention.
        ImportError: If matplotlib is not installed.

    Example:

    >>> import tempfile, pathlib
    >>> model = keras.Sequential(
    ...     [
    ...         keras_attention.CBAM(name="cbam"),
    ...         keras.layers.GlobalAveragePooling2D(),
    ...     ]
    ... )
    >>> model.compile("sgd", "mse")
    >>> x = np.random.default_rng(0).uniform(size=(8, 8, 8, 3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     monitor = keras_attention.AttentionMonitor(folder, x[:4])
    ...     history = model.fit(x, x[:, 0, 0], verbose=0, callbacks=[monitor])
    ...     print(*sorted(p.name for p in pathlib.Path(folder).glob("*.png")))
    epoch_0001.png
    """

    def __init__(
        self,
        folder: Any,
        inputs: Any,
        *,
        images: Any = None,
        every: int = 1,
        batch_size: int = 32,
        **options: Any,
    ) -> None:
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.inputs = inputs
        is_array = not isinstance(inputs, list | tuple | dict)
        self.images = inputs if images is None and is_array else images
        self.every = validation.positive_integer("every", every)
        self.batch_size = validation.positive_integer("batch_size", batch_size)
        self.options = options
        self._events: Any = None

    def on_train_begin(self, logs=None):
        """Create the folder, and the event file if TensorBoard is installed."""
        require_matplotlib()
        self.folder.mkdir(parents=True, exist_ok=True)
        if importlib.util.find_spec("tensorboard"):
            from tensorboard.summary.writer import event_file_writer

            folder = str(self.folder)
            self._events = event_file_writer.EventFileWriter(folder)

    def on_epoch_end(self, epoch, logs=None):
        """Write a plot every `every` epochs."""
        if (epoch + 1) % self.every:
            return
        maps = attention_maps(
            self.model, self.inputs, batch_size=self.batch_size
        )
        options = {"title": f"after epoch {epoch + 1}", **self.options}
        figure = plot_attention(maps, self.images, **options)
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
        path = self.folder / f"epoch_{epoch + 1:04d}.png"
        path.write_bytes(picture.getvalue())
        if self._events is not None:
            size = figure.canvas.get_width_height()
            self._events.add_event(_event(epoch + 1, picture.getvalue(), *size))
            self._events.flush()

    def on_train_end(self, logs=None):
        """Close the event file."""
        if self._events is not None:
            self._events.close()
            self._events = None


def _event(step: int, png: bytes, width: int, height: int) -> Any:
    """Return the event of an image for TensorBoard, without TensorFlow."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    image = Summary.Image(
        height=height,
        width=width,
        colorspace=4,  # red, green, blue and opacity
        encoded_image_string=png,
    )
    value = Summary.Value(tag="attention", image=image)
    return Event(
        wall_time=time.time(), step=step, summary=Summary(value=[value])
    )
