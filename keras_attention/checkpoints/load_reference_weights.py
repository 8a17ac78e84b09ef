"""Loading of published weights."""

import os
from collections.abc import Mapping
from typing import Any

import keras

from keras_attention.checkpoints import _assigning
from keras_attention.checkpoints import _matching
from keras_attention.checkpoints import _report
from keras_attention.checkpoints._registry import layouts_of
from keras_attention.checkpoints._sources import read_source
from keras_attention.checkpoints._targets import weights_by_path


def load_reference_weights(
    target: keras.layers.Layer, source: Mapping[str, Any] | str | os.PathLike
) -> None:
    """Loads published weights into a layer or network of this package.

    The weights are recognised by the names that the implementation gives them,
    and transposed where Keras wants that. These names are known:

    * `SqueezeExcite`: `fc.0` and `fc.2` (senet.pytorch and PytorchInsight),
      `fc1` and `fc2` (timm), `1x1_down` and `1x1_up` (the authors' Caffe
      networks);
    * `ChannelAttention`: `mlp.1` and `mlp.3` (the authors' PyTorch networks),
      `fc1` and `fc2` (timm), `mlp_1` and `mlp_2` (the TensorFlow reference);
    * `SpatialAttention`: `spatial.conv` and `spatial.bn` (the authors),
      `conv.conv` and `conv.bn` (timm, whose input channels are swapped),
      `conv2d` (the TensorFlow reference);
    * `CBAM`: these two together, after `ChannelGate.` and `SpatialGate.` (the
      authors), or after `channel.` and `spatial.` (timm);
    * `SpatialGroupEnhance`: `weight` and `bias` (PytorchInsight);
    * `GatedChannelTransform`: `alpha`, `gamma` and `beta` (the authors);
    * `MultiScaleChannelAttention` and `AttentionalFeatureFusion`: `local_att`
      and `global_att`, `IterativeAttentionalFeatureFusion`: `local_att2` and
      `global_att2` too (open-aff's PyTorch networks; these never use
      `global_att2`, so load them into a layer with `share_global=True`, which
      ignores it);
    * `SelectiveKernel`: `paths`, `attn.fc_reduce`, `attn.bn` and
      `attn.fc_select` (timm), `convs`, `compress` and `projections`
      (selective-kernel-conv);
    * `DeformableConv2D`: `weight`, `bias` and `offset_weight`, `offset_bias`
      (the authors' MXNet networks);
    * `ConvOffset2D`: `weight`, after a prefix such as `offset1.`
      (pytorch-deform-conv, whose `offset_layout` is `"scrambled"`);
    * `GlimpseNetwork`: `fc1` to `fc4`, `RecurrentAttention`: these after
      `sensor.`, and `rnn.i2h`, `rnn.h2h`, `locator.fc`, `locator.fc_lt`,
      `classifier.fc` and `baseliner.fc` (recurrent-visual-attention; its
      checkpoints from before there was a `locator.fc_lt` have another locator
      and do not fit).

    Of the networks of `keras_attention.models` whole files are known: those of
    timm (`conv1`, or `layer0.conv1` of its legacy networks), of PytorchInsight,
    senet.pytorch and open-aff, and of the authors of CBAM, of GCT and, by the
    layers of their Caffe networks, of SE and SK (where each layer has `.weight`
    and `.bias`, a batch norm `.running_mean` and `.running_var` too). A network
    without a classifier has no use for that of a file, and ignores it.

    All names may have a prefix, the same for all, such as `module.layer1.0.se.`
    or `cbam_a/`, and may end in `:0`. Weights that a training script saved as
    `state_dict` or `model`, among other entries, are found there. Every
    `num_batches_tracked` is ignored. All else has to be right: each weight of
    the layer must be there in its shape, and no other.

    Args:
        target: A built layer, one that was called or whose `build` was, or a
            network of `keras_attention.models`.
        source: A mapping from names to arrays (of NumPy, or anything that
            `numpy.asarray` takes, or tensors of PyTorch), or the path of a
            file: `.npz`; `.safetensors`, which needs the library of that name,
            `pip install keras-vision-attention[safetensors]`; or one that
            PyTorch wrote, ending in `.pt`, `.pth`, `.bin`, `.ckpt` or `.tar`,
            which needs PyTorch on any backend. Files that would run code
            (pickled Python objects) are refused, and so are more than 100,000
            arrays. A `.npz` file does not name the dtypes that NumPy lacks:
            of these only bfloat16 and float8_e5m2 are read from it.

    Raises:
        ValueError: If `target` is not built or has no known reference, if
            `source` is neither a mapping nor a readable file of arrays of
            numbers, or if a weight is missing, left over, of another shape or
            not finite in the dtype of the target. All such weights are listed,
            and `target` is as it was.
        OSError: If the file cannot be opened, as when there is none.
        ImportError: If a library is missing that the file needs.

    Example:

    >>> layer = keras_attention.SqueezeExcite(reduction=4)
    >>> layer.build((None, 8, 8, 16))
    >>> weights = {
    ...     "layer1.0.se.fc.0.weight": np.ones((4, 16)),
    ...     "layer1.0.se.fc.2.weight": np.zeros((16, 4)),
    ... }
    >>> keras_attention.load_reference_weights(layer, weights)
    >>> bool(keras.ops.all(layer.attention(np.ones((1, 8, 8, 16))) == 0.5))
    True
    """
    layouts = layouts_of(target)
    weights = weights_by_path(target)
    shapes = {path: tuple(weight.shape) for path, weight in weights.items()}
    arrays = read_source(source)
    reading = _matching.read(layouts, shapes, arrays)
    if not reading.found:
        raise ValueError(_report.unlike(layouts, arrays))
    if not reading.fits:
        raise ValueError(_report.unfit(reading))
    _assigning.assign(weights, _assigning.converted(reading, weights, arrays))
