"""Dynamic capacity network (Almahairi et al., 2016)."""

import math
from collections.abc import Sequence
from typing import Unpack

import keras
from keras import ops

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.layer import MapLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.hard import _patches
from keras_attention.hard._saliency import saliency
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping

PARTS = ("coarse", "fine", "top")


@keras.saving.register_keras_serializable(package="keras_attention")
class DynamicCapacityNetwork(Attention, MapLayer, keras.Model):
    r"""Dynamic capacity network (DCN): a large network on the salient patches.

    .. math::

        c &= f_c(x), \qquad
        M_{ij} = \sqrt{\textstyle\sum_r (\partial H / \partial c_{ijr})^2 +
        10^{-8}}, \qquad
        H = -\sum_l g(c)_l \log \max(g(c)_l, 10^{-10})

        r_{ij} &= f_f(x_{ij}) \text{ at the } k \text{ largest } M_{ij}, \quad
        c_{ij} \text{ elsewhere}, \qquad y = g(r)

        L &= -\log y_{\text{label}} + \frac{\lambda}{B k} \sum_{b, ij}
        \lVert c_{ij} - f_f(x_{ij}) \rVert^2

    where :math:`f_c` is the coarse network, applied to the whole image,
    :math:`f_f` the fine network, applied to the patches :math:`x_{ij}`, and
    :math:`g` the top, applied to both maps with the same weights. The saliency
    :math:`M` is the norm of the gradient of the entropy :math:`H` of the coarse
    prediction. It needs no label.

    It trains with `compile` and `fit` like any classifier; the loss given to
    `compile` is the first term of :math:`L`. The second term, the hint, is
    added in training only. It trains the coarse vectors to be close to the fine
    ones: its gradient reaches the coarse network and the layers before the
    model, but neither the fine network nor the top. The locations of the
    patches have no gradient.

    Args:
        coarse: Layer or model :math:`f_c` from images to a map.
        fine: Layer or model :math:`f_f` from patches, stacked along the batch
            axis, to one vector per patch, with as many channels as the map.
        top: Layer or model :math:`g` from the map to class probabilities. It
            must distinguish positions: with global average pooling, all
            positions are equally salient.
        num_patches: Number :math:`k` of patches of an image. Equally salient
            positions are selected in row-major order.
        patch_size: Height and width of a patch in pixels, or one number for
            both: the receptive field of a position of the map, or larger.
        patch_stride: Distance in pixels between adjacent positions of the map,
            along height and width, or one number for both.
        patch_offset: Pixel of the image where the patch of the first position
            starts, along height and width, or one number for both; it may be
            negative. The patch of position :math:`(i, j)` starts at
            `patch_stride * (i, j) + patch_offset`. Pixels outside the image are
            zero.
        hint_weight: Weight :math:`\lambda` of the hint, 0 for none.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`. It should be that of the three
            networks too.
        **kwargs: Keyword arguments of `keras.Model`, such as `name`.

    Call arguments:
        images: Tensor of rank 4. The number of channels must be known.
        training: Whether the three networks are run in training mode, and the
            hint is added to the losses.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, height, width, channels)` if `data_format="channels_last"`,
        `(batch, channels, height, width)` if `data_format="channels_first"`.

    Output shape:
        That of `top`, `(batch, classes)`. `attention` is a dictionary, in
        either format: `"saliency"` is :math:`M`, `(batch, map_height,
        map_width)`; `"positions"`, integers `(batch, num_patches, 2)`, are the
        rows and columns of the refined positions in the map, the most salient
        first.

    Raises:
        ValueError: If an argument is not as described above, if the input has
            another rank or an unknown number of channels, if the networks do
            not fit together, or if the map has fewer than `num_patches`
            positions.
        NotImplementedError: If the backend does not differentiate.

    Example:

    >>> coarse = keras.layers.Conv2D(8, 5, strides=4, activation="relu")
    >>> fine = keras.Sequential(
    ...     [
    ...         keras.layers.Conv2D(16, 3, activation="relu"),
    ...         keras.layers.Conv2D(8, 3, activation="relu"),
    ...     ]
    ... )
    >>> top = keras.Sequential(
    ...     [keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    ... )
    >>> model = keras_attention.DynamicCapacityNetwork(
    ...     coarse, fine, top, num_patches=3, patch_size=5, patch_stride=4
    ... )
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> images = np.random.default_rng(0).normal(size=(4, 29, 29, 1))
    >>> history = model.fit(images, np.arange(4), verbose=0)
    >>> model.predict(images, verbose=0).shape
    (4, 10)
    >>> {k: tuple(v.shape) for k, v in model.attention(images).items()}
    {'saliency': (4, 7, 7), 'positions': (4, 3, 2)}

    Reference:
        `Dynamic Capacity Networks <https://arxiv.org/abs/1511.07838>`_,
        sections 2 and 3.

    Note:
        The saliency is computed by the top in inference mode, also in training.
        With moving statistics and without dropout, the saliency of an image
        does not depend on the rest of the batch, and is the same as in
        prediction. The moving statistics of the top are therefore those of
        refined maps, and are updated once per step. The common TensorFlow
        implementation runs the top in training mode both times. It also shifts
        each patch by a random pixel or two and shuffles the order of the
        patches.
    """

    card = Card(
        operation="applies a large network to the salient patches only",
        insertion="this is a whole model, made of three networks that you pass",
        limits=(
            "Selecting patches needs a gradient for each prediction. For "
            "images that fit into memory, an ordinary network is faster."
        ),
        papers=("1511.07838",),
        attention={"saliency": "saliency", "positions": "positions"},
        call="DynamicCapacityNetwork(coarse, fine, top)",
        gain=(
            "error on cluttered MNIST 2.49 (coarse everywhere) → 1.20 (8 "
            "patches, with the hint), of 1.07 (fine everywhere), in dcn.tf"
        ),
    )

    def __init__(
        self,
        coarse: keras.layers.Layer,
        fine: keras.layers.Layer,
        top: keras.layers.Layer,
        *,
        num_patches: int = 8,
        patch_size: int | Sequence[int],
        patch_stride: int | Sequence[int],
        patch_offset: int | Sequence[int] = 0,
        hint_weight: float = 0.01,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.coarse = validation.layer("coarse", coarse)
        self.fine = validation.layer("fine", fine)
        self.top = validation.layer("top", top)
        self.num_patches = validation.positive_integer(
            "num_patches", num_patches
        )
        self.patch_size = validation.size("patch_size", patch_size)
        self.patch_stride = validation.size("patch_stride", patch_stride)
        self.patch_offset = validation.integers("patch_offset", patch_offset)
        self.hint_weight = validation.non_negative_number(
            "hint_weight", hint_weight
        )
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, images_shape):
        channels = self._channels(images_shape)
        maps = self._shape_of_maps("coarse", images_shape)
        self._check_positions(maps[1:3])
        patch = data_formats.shape_from_channels_last(
            (None, *self.patch_size, channels), self.data_format
        )
        vector = self._shape_of_maps("fine", patch)
        if vector[1:] != (1, 1, maps[-1]):
            raise ValueError(
                "`fine` must return one vector of a patch, with the channels "
                f"of the map, {maps[-1]}. "
                f"Received: fine.output_shape={vector} (channels last)"
            )
        _built(
            self.top,
            data_formats.shape_from_channels_last(maps, self.data_format),
        )

    def call(self, images, training=None, return_attention=False):
        images = self._as_float(images)
        maps = self.coarse(images, training=training)
        axis = data_formats.channel_axis(self.data_format, 4)
        salience = saliency(self.top, maps, axis)
        self._check_positions(salience.shape[1:])
        positions = _patches.top_positions(salience, self.num_patches)
        maps = reshaping.to_channels_last(maps, self.data_format)
        vectors = self._refine(images, positions, maps, training)
        if training and self.hint_weight:
            self.add_loss(self._hint(_patches.read(maps, positions), vectors))
        maps = _patches.write(maps, positions, vectors)
        maps = reshaping.from_channels_last(maps, self.data_format)
        outputs = self.top(maps, training=training)
        attention = {
            "saliency": ops.cast(salience, self.compute_dtype),
            "positions": positions,
        }
        return self._outputs(outputs, attention, return_attention)

    def compute_output_shape(self, images_shape):
        maps = self.coarse.compute_output_shape(images_shape)
        return tuple(self.top.compute_output_shape(maps))

    def compute_output_spec(
        self, images, training=None, return_attention=False
    ):
        maps = tuple(self.coarse.compute_output_shape(images.shape))
        *map_shape, _ = data_formats.shape_to_channels_last(
            maps, self.data_format
        )
        positions = (maps[0], self.num_patches, 2)
        attention = {
            "saliency": keras.KerasTensor(map_shape, self.compute_dtype),
            "positions": keras.KerasTensor(positions, "int32"),
        }
        # The last layer of the top may have another dtype policy.
        maps = keras.KerasTensor(maps, self.compute_dtype)
        outputs = self.top.compute_output_spec(maps)
        return self._outputs(outputs, attention, return_attention)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects
            )
            for name in PARTS
        }
        return super().from_config({**config, **parts}, custom_objects)

    def _refine(self, images, positions, maps, training):
        """Return the vectors of the fine network at positions of the maps."""
        stride, offset = (
            ops.convert_to_tensor(pair, "int32")
            for pair in (self.patch_stride, self.patch_offset)
        )
        patches = _patches.crop(
            reshaping.to_channels_last(images, self.data_format),
            positions * stride + offset,
            self.patch_size,
        )
        patches = reshaping.from_channels_last(patches, self.data_format)
        vectors = self.fine(patches, training=training)
        return reshaping.reshape(
            ops.cast(vectors, maps.dtype),
            (-1, self.num_patches, maps.shape[-1]),
        )

    def _hint(self, coarse, fine):
        """Return the weighted squared distance of coarse and fine vectors."""
        coarse, fine = map(precision.upcast, (coarse, fine))
        squares = ops.square(coarse - ops.stop_gradient(fine))
        squares = ops.sum(squares, axis=-1)
        return self.hint_weight * reductions.upcast_mean(squares, (0, 1))

    def _check_positions(self, sizes):
        """Raise an error if a map of known size has too few positions."""
        if None not in sizes and math.prod(sizes) < self.num_patches:
            raise ValueError(
                "`num_patches` must be at most the number of positions of the "
                f"map, {sizes[0]} x {sizes[1]}. "
                f"Received: num_patches={self.num_patches}"
            )

    def _shape_of_maps(self, name, shape):
        """Build a network and return its output shape, channels last."""
        maps = _built(getattr(self, name), shape)
        if len(maps) != 4:
            raise ValueError(
                f"`{name}` must return a map, of rank 4. "
                f"Received: {name}.output_shape={maps}"
            )
        return data_formats.shape_to_channels_last(maps, self.data_format)


def _built(network, shape):
    """Build a network if needed, and return its output shape."""
    if not network.built:
        network.build(shape)
    return tuple(network.compute_output_shape(shape))
