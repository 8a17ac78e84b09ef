"""Exporting weights under the names of a published implementation."""

import keras
import numpy as np

from keras_attention._utils import validation
from keras_attention.checkpoints._key_map import kept_paths
from keras_attention.checkpoints._registry import key_maps_of
from keras_attention.checkpoints._targets import weights_by_path


def export_reference_weights(
    target: keras.layers.Layer, layout: str
) -> dict[str, np.ndarray]:
    """Returns weights under the names and shapes of a published implementation.

    This is the inverse of `keras_attention.load_reference_weights`. The result
    can be loaded again, and, as tensors, into the network of the published
    implementation (in PyTorch with `load_state_dict`, which is strict).

    Args:
        target: A built layer, or a network of `keras_attention.models`.
        layout: Identifier of the layout to write. `load_reference_weights`
            lists the names that each layout gives to each layer.

            * `"official"`: the PyTorch or MXNet code of the paper's authors;
            * `"caffe"`: the Caffe networks of the paper's authors;
            * `"timm"`: timm (PyTorch Image Models);
            * `"timm_legacy"`: the networks of timm whose names start with
              `legacy_`;
            * `"monai"`: MONAI;
            * `"mmpretrain"`: MMPretrain;
            * `"mmcv"`: MMCV, of OpenMMLab;
            * `"torchvision"`: torchvision, without the weights that compute the
              offsets of a `DeformableConv2D`;
            * `"detectron2"`: detectron2;
            * `"aliked"`: the networks ALIKED;
            * `"paddleclas"`: PaddleClas;
            * `"paddleocr"`: the MobileNetV3 of PaddleOCR;
            * `"paddle"`: other networks of Paddle, with numbers as names;
            * `"tensorflow"`: the TensorFlow reference of CBAM;
            * `"senet.pytorch"`: the repositories senet.pytorch and
              PytorchInsight, for squeeze-and-excitation;
            * `"mbv2_ca"`: the authors' MobileNetV2 with coordinate attention;
            * `"triplet_attention"`: the file `triplet_attention.py` of the
              authors of triplet attention;
            * `"non-local_pytorch"`: the repository Non-local_pytorch;
            * `"segmentation_models.pytorch"`, `"selective-kernel-conv"`,
              `"pytorch-deform-conv"`, `"DCNv2"`, `"pytorch-attention"`,
              `"external-attention-pytorch"`,
              `"recurrent-visual-attention"`: the repository of that name.

    Returns:
        NumPy arrays by name, in the axis order of the implementation.

    Raises:
        ValueError: If `target` is not built, if no layout is known for it, or
            if `layout` is not one of its layouts or has no name for one of its
            weights.

    Example:

    >>> layer = keras_attention.SqueezeExcite(reduction=4)
    >>> layer.build((None, 8, 8, 16))
    >>> weights = keras_attention.export_reference_weights(layer, "timm")
    >>> {name: array.shape for name, array in weights.items()}
    {'fc1.weight': (4, 16, 1, 1), 'fc2.weight': (16, 4, 1, 1)}
    """
    key_maps = key_maps_of(target)
    key_map = key_maps[validation.one_of("layout", layout, tuple(key_maps))]
    weights = weights_by_path(target)
    kept = kept_paths(key_map)
    names: dict[str, list[str]] = {
        path: [] for path in weights if path not in kept
    }
    for name, (path, _) in key_map.items():
        if path in names:
            names[path].append(name)
    unmapped = [path for path, found in names.items() if not found]
    if unmapped:
        raise ValueError(
            "`layout` must have a name for every weight of the target, and has "
            f"none for {', '.join(map(repr, unmapped))}. "
            f"Received: layout={layout!r}"
        )
    arrays = {
        path: keras.ops.convert_to_numpy(weight)
        for path, weight in weights.items()
    }
    for path, axis_order in key_map.values():
        if axis_order.folded_into and path in arrays:
            bias = arrays.pop(path)
            mean = arrays[axis_order.folded_into]
            arrays[axis_order.folded_into] = mean - bias
    exported = {}
    for path, found in names.items():
        if path not in arrays:
            continue
        array = arrays[path]
        # One Keras array may be several arrays in the published layout.
        pieces = np.split(array, len(found), axis=-1)
        for name, piece in zip(found, pieces, strict=True):
            _, axis_order = key_map[name]
            exported[name] = axis_order.to_published(piece)
    return exported
