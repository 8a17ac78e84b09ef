"""Defects that a layer could have, and the check that must catch each.

They were all seen in published code, or made while this was written. The table
in CONTRIBUTING.md says the same for people.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Defect:
    """One text of one module replaced, seen by one check on one layer."""

    name: str
    module: str
    old: str
    new: str
    layer: str
    check: str


DEFECTS = [
    Defect(
        "a sublayer is made without the dtype policy",
        "_layer",
        '"dtype": self._policy_of(name),',
        "",
        "SqueezeExcite",
        "mixed_precision_is_honoured",
    ),
    Defect(
        "attention leaves in another dtype than the input's",
        "channel.gated_channel_transform",
        "ops.cast(gate, x.dtype)",
        "gate",
        "GatedChannelTransform",
        "mixed_precision_is_honoured",
    ),
    Defect(
        "sums are accumulated in float16",
        "_numerics",
        'ops.cast(x, "float32")',
        "x",
        "SpatialGroupEnhance",
        "float16_does_not_overflow",
    ),
    Defect(
        "sums are accumulated in float32 where float64 is asked for",
        "_numerics",
        "x if wide else ",
        "",
        "GatedChannelTransform",
        "float64_is_honoured",
    ),
    Defect(
        "an argument is missing from the config",
        "channel.squeeze_excite",
        '"activation": keras.activations.serialize(self.activation),',
        "",
        "SqueezeExcite",
        "config_holds_every_argument",
    ),
    Defect(
        "`build` changes the config",
        "channel._bottleneck",
        "        self.squeeze.build((None, channels))",
        "        self.squeeze.build((None, channels))\n"
        "        self.hidden_units = hidden",
        "SqueezeExcite",
        "build_leaves_config_alone",
    ),
    Defect(
        "a sublayer is not built in `build`",
        "channel._bottleneck",
        "self.excite.build((None, hidden))",
        "",
        "SqueezeExcite",
        "build_makes_every_weight",
    ),
    Defect(
        "the class is not registered for saving",
        "mixed.cbam",
        '@keras.saving.register_keras_serializable(package="keras_attention")',
        "",
        "CBAM",
        "is_registered_for_saving",
    ),
    Defect(
        "the policies of quantized sublayers are not saved",
        "_layer",
        "if quantized := self._quantized_sublayers():",
        "if quantized := {}:",
        "CBAM",
        "quantized_model_survives_saving",
    ),
    Defect(
        "a second argument may be positional",
        "spatial.spatial_group_enhance",
        "groups: int = 64,\n        *,",
        "groups: int = 64,",
        "SpatialGroupEnhance",
        "only_the_first_argument_is_positional",
    ),
    Defect(
        "an argument is not checked",
        "spatial.spatial_group_enhance",
        '_arguments.positive_number("epsilon", epsilon)',
        "epsilon",
        "SpatialGroupEnhance",
        "bad_arguments_are_told",
    ),
    Defect(
        "the gate activation is ignored",
        "channel.squeeze_excite",
        "s = self.gate_activation(",
        "s = keras.ops.sigmoid(",
        "SqueezeExcite",
        "every_argument_matters",
    ),
    Defect(
        "the hidden activation is ignored",
        "channel.squeeze_excite",
        "self.excite(self.activation(self.squeeze(z)))",
        "self.excite(keras.ops.relu(self.squeeze(z)))",
        "SqueezeExcite",
        "every_argument_matters",
    ),
    Defect(
        "the kernel regularizer is dropped",
        "_layer",
        '"kernel_regularizer": self.kernel_regularizer,',
        "",
        "ChannelAttention",
        "regularizers_are_counted",
    ),
    Defect(
        "another number of channels is let through",
        "_layer",
        "ndim=rank, axes={axis: channels}",
        "ndim=rank",
        "GatedChannelTransform",
        "other_inputs_than_built_for_are_told",
    ),
    Defect(
        "channels-first maps are taken for channels-last",
        "_axes",
        'return rank - 1 if data_format == "channels_last" else 1',
        "return rank - 1",
        "ChannelAttention",
        "equals_the_float64_twin",
    ),
    Defect(
        "the sum is taken for the mean",
        "_numerics",
        "total / _count(total, x, axes)",
        "total",
        "SqueezeExcite",
        "equals_the_float64_twin",
    ),
    Defect(
        "mean and maximum are swapped",
        "spatial.spatial_attention",
        "ops.max(x, axis=axis, keepdims=True),",
        "_numerics.mean(x, (axis,), keepdims=True),\n"
        "                ops.max(x, axis=axis, keepdims=True)][:2] + [",
        "SpatialAttention",
        "equals_the_float64_twin",
    ),
    Defect(
        "the spatial gate looks at the wrong map",
        "mixed.cbam",
        'x if self.spatial_input == "original" else refined',
        'x if self.spatial_input == "refined" else refined',
        "CBAM",
        "equals_the_float64_twin",
    ),
    Defect(
        "the mask multiplies what came in, not the trunk",
        "mixed.residual_attention",
        "else features * mask",
        "else x * mask",
        "ResidualAttention",
        "equals_the_float64_twin",
    ),
    Defect(
        "the mask has a norm of one over positions, not channels",
        "mixed._mask_activations",
        "axis=_axes.channel_axis(data_format, 4),",
        "axis=_axes.spatial_axes(data_format, 4),",
        "ResidualAttention",
        "equals_the_float64_twin",
    ),
    Defect(
        "the deviation is the biased one",
        "_numerics",
        "_count(squares, x, axes) - 1, 1",
        "_count(squares, x, axes), 1",
        "SpatialGroupEnhance",
        "equals_the_float64_twin",
    ),
    Defect(
        "channel groups are interleaved, not neighbours",
        "spatial.spatial_group_enhance",
        "return _axes.split_channels(x, self.groups, self.data_format)",
        "size = x.shape[_axes.channel_axis(self.data_format, len(x.shape))]\n"
        "        return ops.swapaxes(_axes.split_channels(\n"
        "            x, size // self.groups, self.data_format),\n"
        "            *(self._member_axis(len(x.shape)) - i for i in (0, 1)))",
        "SpatialGroupEnhance",
        "equals_the_float64_twin",
    ),
    Defect(
        "the sign of alpha is lost in the norm",
        "channel.gated_channel_transform",
        "_numerics.mean(ops.abs(s), (-1,), keepdims=True)",
        "_numerics.mean(s, (-1,), keepdims=True)",
        "GatedChannelTransform",
        "equals_the_float64_twin",
    ),
    Defect(
        "a map of one position divides zero by zero",
        "_numerics",
        "ops.maximum(_count(squares, x, axes) - 1, 1)",
        "(_count(squares, x, axes) - 1)",
        "SpatialGroupEnhance",
        "one_sample_of_one_position_is_finite",
    ),
    Defect(
        "no gradient flows through the group's mean",
        "spatial.spatial_group_enhance",
        "self._grouped(_numerics.mean(wide, axes, keepdims=True))",
        "ops.stop_gradient(\n"
        "            self._grouped(_numerics.mean(wide, axes, keepdims=True)))",
        "SpatialGroupEnhance",
        "gradients_are_the_twins_slope",
    ),
    Defect(
        "the symbolic call forgets the attention",
        "_layer",
        "return self._outputs(outputs, attention, return_attention)\n\n"
        "    @staticmethod",
        "return outputs\n\n    @staticmethod",
        "SpatialAttention",
        "symbolic_shapes_are_the_eager_ones",
    ),
    Defect(
        "`attention` does not cast as the call does",
        "_layer",
        "self(*inputs, return_attention=True, **kwargs)[1]",
        "self.compute_attention(*inputs, **kwargs)",
        "SqueezeExcite",
        "attention_accepts_what_call_accepts",
    ),
    Defect(
        "what is returned is not what was applied",
        "_layer",
        "return x * attention",
        "return x * attention * attention",
        "SqueezeExcite",
        "equals_the_float64_twin",
    ),
    Defect(
        "the weights of a fusion sum to one, not to two",
        "fusion.attentional_feature_fusion",
        "return 2 * super()",
        "return super()",
        "AttentionalFeatureFusion",
        "equals_the_float64_twin",
    ),
    Defect(
        "the second pass looks at the sum again",
        "fusion.iterative_attentional_feature_fusion",
        "self.apply_attention(x, residual, first),",
        "x + residual,",
        "IterativeAttentionalFeatureFusion",
        "equals_the_float64_twin",
    ),
    Defect(
        "paths are told apart channel by channel",
        "fusion.selective_kernel",
        "ops.reshape(logits, (-1, self.paths, self.filters))",
        "ops.reshape(logits, (-1, self.filters, self.paths))\n"
        "        logits = ops.swapaxes(logits, 1, 2)",
        "SelectiveKernel",
        "equals_the_float64_twin",
    ),
    Defect(
        "a stride pads at the end alone",
        "fusion._dilated_path",
        "widths[axis] = self.padding",
        "widths[axis] = (self.padding[0] - 1, self.padding[1] + 1)",
        "SelectiveKernel",
        "equals_the_float64_twin",
    ),
    Defect(
        "the grid and the sampler disagree about corners",
        "spatial.spatial_transformer",
        "align_corners=self.align_corners,",
        "align_corners=True,",
        "SpatialTransformer",
        "equals_the_float64_twin",
    ),
    Defect(
        "control points go down columns, not along rows",
        "ops.grids",
        "np.stack([x.ravel(), y.ravel()], axis=-1)",
        "np.stack([y.ravel(), x.ravel()], axis=-1)",
        "SpatialTransformer",
        "equals_the_float64_twin",
    ),
    Defect(
        "offsets are taken in the order (dx, dy)",
        "ops.deform_conv2d",
        "_flat(moves[..., 0] + rows)",
        "_flat(moves[..., 1] + rows)",
        "DeformableConv2D",
        "equals_the_float64_twin",
    ),
    Defect(
        "the published order of offsets is ignored",
        "spatial.conv_offset2d",
        'if self.offset_layout == "scrambled":',
        "if False:",
        "ConvOffset2D",
        "equals_the_float64_twin",
    ),
    Defect(
        "x of a place goes down the rows",
        "ops.extract_glimpses",
        "_line(locations[:, 1], height, side)",
        "_line(locations[:, 0], height, side)",
        "GlimpseNetwork",
        "gradients_are_the_twins_slope",
    ),
    Defect(
        "what is seen is trained by the reward",
        "hard.recurrent_attention",
        "seen = ops.stop_gradient(state)",
        "seen = state",
        "RecurrentAttention",
        "training_loss_has_the_twins_slope",
    ),
    Defect(
        "a place drawn moves along with its mean",
        "hard.recurrent_attention",
        "place = ops.stop_gradient(place)",
        "place = place + 0",
        "RecurrentAttention",
        "training_loss_has_the_twins_slope",
    ),
    Defect(
        "row and column of a position are swapped",
        "hard._patches",
        "[places // width, places % width]",
        "[places % width, places // width]",
        "DynamicCapacityNetwork",
        "equals_the_float64_twin",
    ),
    Defect(
        "no gradient reaches the fine network",
        "hard._patches",
        "ops.reshape(vectors, (-1, features))",
        "ops.stop_gradient(ops.reshape(vectors, (-1, features)))",
        "DynamicCapacityNetwork",
        "gradients_are_the_twins_slope",
    ),
]
