"""Loading published weights into layers and networks."""

import os
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_attention.channel import EfficientChannelAttention
from keras_attention.checkpoints import _assigning
from keras_attention.checkpoints import _errors
from keras_attention.checkpoints import _matching
from keras_attention.checkpoints._registry import KeyMaps
from keras_attention.checkpoints._registry import key_maps_of
from keras_attention.checkpoints._sources import read_source
from keras_attention.checkpoints._targets import weights_by_path
from keras_attention.checkpoints.efficient_channel_attention import stand_in


def load_reference_weights(
    target: keras.layers.Layer,
    source: Mapping[str, Any] | str | os.PathLike,
    *,
    prefix: str | Sequence[str] = "",
) -> None:
    """Loads published weights into a layer or network of this package.

    The layout of the weights is found by their names, and arrays are transposed
    to the axis order of Keras. These layouts are known, each with an identifier
    for the argument `layout` of `keras_attention.export_reference_weights`:

    * `"official"`, the PyTorch code of the paper's authors.
      `ChannelAttention`: `mlp.1`, `mlp.3`. `SpatialAttention`: `spatial.conv`,
      `spatial.bn`. `CBAM`: both, after `ChannelGate.` and `SpatialGate.`.
      `EffectiveSqueezeExcite`: `fc`. `EfficientChannelAttention`: `conv`.
      `SpatialGroupEnhance`: `weight`, `bias`. `GatedChannelTransform`:
      `alpha`, `gamma`, `beta`. `GlobalResponseNorm`: `gamma`, `beta`.
      `StyleRecalibration`: `cfc`, `bn`. `MultiScaleChannelAttention` and
      `AttentionalFeatureFusion`: `local_att`, `global_att`.
      `IterativeAttentionalFeatureFusion`: `local_att2`, `global_att2` too.
      The PyTorch networks do not use `global_att2`: load their weights into a
      layer with `share_global=True`, which ignores it. `DeformableConv2D`
      (MXNet): `weight`, `bias`, `offset_weight`, `offset_bias`.
      `DeformableConv2DV3`: `dw_conv`, `offset`, `mask`, `input_proj`,
      `output_proj`. `DeformableConv2DV4`: `offset_mask_dw`, `offset_mask`,
      `value_proj`, `output_proj`. Both: `center_feature_scale_proj_weight`,
      `center_feature_scale_proj_bias`.
      `SpatialChannelSqueezeExcite`: `cSE.fc1`, `cSE.fc2`, `sSE.conv`.
      `CoordinateAttention`: `conv1`, `bn1`, `conv_h`, `conv_w`.
      `TripletAttention`: `conv` and `bn` after `ChannelGateH.spatial.`,
      `ChannelGateW.spatial.`, `SpatialGate.spatial.`. `ShuffleAttention`:
      `cweight`, `cbias`, `sweight`, `sbias`, `gn`.
      `PolarizedSelfAttention`: `conv_q_right`, `conv_v_right`, `conv_up`,
      `conv_q_left`, `conv_v_left`, where `conv_up` is `conv_up.0`,
      `conv_up.1` and `conv_up.3` in sequential mode. `SplitAttention`: `conv`,
      `bn0`, `fc1`, `bn1`, `fc2`. `BAM`: `channel_att.gate_c`,
      `spatial_att.gate_s`. `LargeKernelAttention`: `conv0`, `conv_spatial`,
      `conv1`. `AttentionGate(grid=True)`: `W`, `theta`, `phi`, `psi`.
      `PositionAttention` and `CrissCrossAttention`: `query_conv`, `key_conv`,
      `value_conv`, `gamma`. `ChannelSelfAttention`: `gamma`.
      `ExternalAttention`: `conv1`, `linear_0`, `linear_1`, `conv2.0`,
      `conv2.1`. `MultiScaleDeformableAttention`: `sampling_offsets`,
      `attention_weights`, `value_proj`, `output_proj`.
    * `"caffe"`, the Caffe networks of the paper's authors. `SqueezeExcite`:
      `1x1_down`, `1x1_up`. `SelectiveKernel` with two paths: `3x3g32`,
      `3x3g32d2`, `B_fc1`, `B_fc2`. `GatherExcite` of the whole map:
      `gather`, `gather/bn`, `excite/1x1_down`, `excite/1x1_up`.
    * `"timm"`, PyTorch Image Models. `SqueezeExcite` and `ChannelAttention`:
      `fc1`, `fc2`. `EffectiveSqueezeExcite`: `fc`.
      `EfficientChannelAttention`: `conv`. `SpatialAttention`: `conv.conv`,
      `conv.bn`, where the input channels are swapped. `CBAM`: both, after
      `channel.` and `spatial.`. `GlobalContext`: `conv_attn`, `mlp_add`,
      `mlp_scale`. `GlobalResponseNorm`: `weight`, `bias`.
      `SelectiveKernel`: `paths`, `attn.fc_reduce`, `attn.bn`,
      `attn.fc_select`. `CoordinateAttention`: `conv1`, `bn1`, `conv_h`,
      `conv_w`, without biases. `GatherExcite`: `gather.conv1`, `gather.norm1`,
      `gather.conv2` and so on, `mlp.fc1`, `mlp.fc2`. `SplitAttention`:
      `conv`, `bn0`, `fc1`, `bn1`, `fc2`. `NonLocal(use_norm=True)`: `t`, `p`,
      `g`, `z`, `norm`. timm scales the products by the channels of the input,
      so `t` is multiplied by the root of hidden units over channels.
    * `"monai"`, MONAI. `AttentionGate`: `W_g`, `W_x`, `psi`.
    * `"mmpretrain"`, MMPretrain. `LargeKernelAttention`: `DW_conv`,
      `DW_D_conv`, `conv1`.
    * `"mmcv"`, MMCV. `GlobalContext`: `conv_mask`, `channel_add_conv`,
      `channel_mul_conv`. `CrissCrossAttention`: `query_conv`, `key_conv`,
      `value_conv`, `gamma.scale`. `NonLocal`: `theta.conv`, `phi.conv`,
      `g.conv`, `conv_out.conv`, `concat_project.conv`; `phi.0.conv` and
      `g.0.conv` if it pools; with batch normalization `conv_out.bn`, and no
      bias before it. The bias is zero then, and on export it is subtracted
      from the moving mean. `DeformableConv2D`: `weight`, `bias`,
      `conv_offset`. `MultiScaleDeformableAttention`: `sampling_offsets`,
      `attention_weights`, `value_proj`, `output_proj`.
    * `"non-local_pytorch"`, the repository Non-local_pytorch. `NonLocal`:
      `theta`, `phi`, `g`, `W`, `concat_project.0`; `phi.0` and `g.0` if it
      pools; `W.0` and `W.1` with batch normalization. That code does not scale
      the products: for a layer that does, `theta` is multiplied by the root of
      the number of hidden units.
    * `"torchvision"`, torchvision. `DeformableConv2D`: `weight`, `bias`. This
      layer of torchvision is called with the offsets, and has no weights that
      compute them: those of the target keep their values. So the weights of
      any convolution can be loaded.
    * `"detectron2"`, detectron2, and files of MMDetection before version 2.
      `DeformableConv2D`: `conv2`, `conv2_offset`.
    * `"DCNv2"`, the repository of that name. `DeformableConv2D`: `weight`,
      `bias`, `conv_offset_mask`.
    * `"aliked"`, the networks ALIKED, also of kornia. `DeformableConv2D`:
      `regular_conv`, `offset_conv`. These networks limit the offsets to a
      quarter of the larger side of the map: set `max_offset=0.25`.
    * `"paddleclas"`, PaddleClas. `EffectiveSqueezeExcite`: `conv`.
    * `"timm_legacy"`, the networks of timm whose names start with `legacy_`.
      SE networks: `layer0.conv1`, `se_module.fc1` and so on.
    * `"tensorflow"`, the TensorFlow reference of CBAM. `ChannelAttention`:
      `mlp_1`, `mlp_2`. `SpatialAttention`: `conv2d`. `CBAM`: both.
    * `"senet.pytorch"`, the repositories senet.pytorch and PytorchInsight.
      `SqueezeExcite`: `fc.0`, `fc.2`.
    * `"paddleocr"`, the MobileNetV3 of PaddleOCR. `SqueezeExcite`:
      `1_weights`, `1_offset`, `2_weights`, `2_offset`, after a prefix such as
      `conv2_se_`.
    * `"paddle"`, other networks of Paddle, which numbers all convolutions.
      `SqueezeExcite`: `array_0` to `array_3`, which are names given by
      `prefix`, a list of the names of kernel, bias, kernel and bias, such as
      `("conv2d_24.w_0", "conv2d_24.b_0", "conv2d_25.w_0", "conv2d_25.b_0")`.
    * `"mbv2_ca"`, the authors' MobileNetV2 with coordinate attention.
      `CoordinateAttention`: `conv1`, `bn1`, `conv2`, `conv3`.
    * `"segmentation_models.pytorch"`, the repository of that name.
      `SpatialChannelSqueezeExcite`: `cSE.1`, `cSE.3`, `sSE.0`.
    * `"selective-kernel-conv"`, the repository of that name.
      `SelectiveKernel`: `convs`, `compress`, `projections`.
    * `"triplet_attention"`, the authors' file `triplet_attention.py`.
      `TripletAttention`: `conv` and `bn` after `cw.conv.`, `hc.conv.`,
      `hw.conv.`.
    * `"pytorch-deform-conv"`, the repository of that name. `ConvOffset2D` with
      `offset_layout="scrambled"`: `weight`, after a prefix such as `offset1.`.
    * `"pytorch-attention"`, the repository of that name.
      `LinearContextTransform`: `w`, `b`. `DoubleAttention`: `convA`, `convB`,
      `convV`, `proj`.
    * `"external-attention-pytorch"`, the repository of that name.
      `DoubleAttention`: `convA`, `convB`, `convV`, `conv_reconstruct`.
      `ExternalAttention(use_projection=False)`: `mk`, `mv`.
    * `"recurrent-visual-attention"`, the repository of that name.
      `GlimpseNetwork`: `fc1` to `fc4`. `RecurrentAttention`: these after
      `sensor.`, and `rnn.i2h`, `rnn.h2h`, `locator.fc`, `locator.fc_lt`,
      `classifier.fc`, `baseliner.fc`. Older checkpoints have no
      `locator.fc_lt`: load them into a model with `locator_units=0`.

    The names do not distinguish the modes `"embedded_gaussian"` and
    `"dot_product"` of a `NonLocal`, nor, in `"mmcv"` and `"timm"`, whether its
    products are scaled: set `mode` and `scale` as they were in training.

    Each of these layers has a `.weight`, and a `.bias` where it has biases; a
    batch normalization has a `.running_mean` and a `.running_var` too. In
    `"tensorflow"` the names end in `/kernel` and `/bias`.

    Files of whole networks of `keras_attention.models` are known in the layouts
    `"official"` (CBAM, SGE, GCT, AFF and iAFF), `"caffe"` (SE and SK), `"timm"`
    (SE, SK and CBAM), `"timm_legacy"` (SE) and `"senet.pytorch"` (SE). A
    network without a classifier ignores the classifier in a file.

    All names may have a prefix, the same for all, such as `module.layer1.0.se.`
    or `cbam_a/`, and may end in `:0`. Weights that a training script saved as
    `state_dict`, `model` or `model_state`, beside other entries, are found
    there. Every
    `num_batches_tracked` is ignored. Otherwise the match is strict: each weight
    of the target that the layout has must be there in its shape, and there must
    be no other.

    Args:
        target: A built layer (call it, or its `build`, first), or a network of
            `keras_attention.models`. An `EfficientChannelAttention` need not be
            built: if it has no `kernel_size`, it gets that of the source.
        source: A mapping from names to arrays (NumPy arrays, PyTorch tensors,
            or anything that `numpy.asarray` accepts), or the path of a file:
            `.npz`; `.safetensors`, which needs the safetensors library (`pip
            install safetensors`); `.onnx`, which needs `pip install onnx`; or a
            PyTorch file that ends in `.pt`, `.pth`, `.bin`, `.ckpt` or `.tar`,
            which needs PyTorch, on any backend. Files that would run code
            (pickled Python objects) are refused, and so are more than 100,000
            arrays.
            Of the dtypes that NumPy lacks, a `.npz` file can hold bfloat16 and
            float8_e5m2. Of an ONNX file, the initializers and the constants
            of the graph are read, but no other file.
        prefix: The start of the names to load, if the source has other weights
            too. It is removed from the names. If the names of a layer have
            nothing in common, pass a list of the names, or of what only one
            name starts with. They become `array_0`, `array_1` and so on.

    Raises:
        ValueError: If `target` is not built, if no layout is known for it, if
            `source` is neither a mapping nor a readable file of arrays of
            numbers, if no name starts with a prefix, or if there are missing
            keys, unexpected keys, shape mismatches or values that are not
            finite in the dtype of the target. All of them are listed, and no
            weight has changed.
        OSError: If the file cannot be opened, for example because it does not
            exist.
        ImportError: If a library that is needed to read the file is missing.

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
    if isinstance(target, EfficientChannelAttention) and not target.built:
        arrays = read_source(source, prefix)
        built = stand_in(target, arrays)
        _load(built, key_maps_of(built), arrays)
        target.give_kernel(keras.ops.convert_to_numpy(built.kernel))
    else:
        _load(target, key_maps_of(target), read_source(source, prefix))


def _load(
    target: keras.layers.Layer, key_maps: KeyMaps, arrays: dict[str, np.ndarray]
) -> None:
    """Load arrays into a built layer or a network."""
    weights = weights_by_path(target)
    shapes = {path: tuple(weight.shape) for path, weight in weights.items()}
    match = _matching.best_match(key_maps, shapes, arrays)
    if not match.matched_keys:
        raise _errors.MismatchError(
            _errors.unknown_names_message(key_maps, arrays)
        )
    if not match.is_exact:
        raise _errors.MismatchError(
            _errors.mismatch_message(match, target, key_maps)
        )
    _assigning.assign(weights, _assigning.convert(match, weights, arrays))
