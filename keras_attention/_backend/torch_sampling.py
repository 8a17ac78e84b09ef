"""Native forms of sampling for PyTorch: gathers, and bags of embeddings."""

import functools

import torch

from keras_attention._backend.pytorch_derivatives import in_forward_mode

# PyTorch sorts more integers than this in linear time.
_SORTED_FAST = 2**15


def gather_positions(definition, table, index):
    """Read positions of a table with all channels.

    Keras' own would first look for negative ones.
    """
    if torch.compiler.is_exporting():
        return definition(table, index)
    # Not `len`, which is a constant to a tracer.
    sample = torch.arange(table.shape[0], device=table.device)
    return table[sample.view(-1, *(1,) * (index.ndim - 1)), index]


def gather_along(definition, values, index, axis):
    """Read values by an index of their own along an axis.

    Keras' own would first look for negative ones.
    """
    return torch.gather(values, axis, index.long())


def bounded(definition, index, size):
    """Clip indices to the pixels of an axis, in one call.

    `torch.compile` has no form of Keras' own for unknown sizes.
    """
    if isinstance(size, torch.Tensor) or torch.compiler.is_exporting():
        return definition(index, size)
    return index.clamp(0, size - 1)


def clamped(definition, position, size):
    """Move positions into an axis of pixels, in one call. NaN stays NaN."""
    if isinstance(size, torch.Tensor) or torch.compiler.is_exporting():
        return definition(position, size)
    return position.clamp(0, size - 1)


def zero_outside(definition, maps, is_inside):
    """Replace pixels by zeros, in an eighth of the time of the definition.

    It overwrites the maps. Only on a CPU, as others would have to wait for the
    number of pixels, and not in graphs.
    """
    is_traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
    if is_traced or maps.device.type != "cpu":
        return definition(maps, is_inside)
    try:
        outside = (~is_inside).flatten().nonzero()[:, 0]
    except RuntimeError:  # in `torch.func.vmap`, which allows no such number
        return definition(maps, is_inside)
    pixels = maps.reshape(-1, maps.shape[-1])
    return pixels.index_fill_(0, outside, 0).reshape(maps.shape)


def interpolate(
    definition,
    maps,
    grid,
    *,
    interpolation,
    padding_mode,
    align_corners,
    data_format,
):
    """Sample maps at a grid of normalized locations, by PyTorch's sampler."""
    if in_forward_mode():
        # PyTorch's own has no forward mode.
        return definition(
            maps,
            grid,
            interpolation=interpolation,
            padding_mode=padding_mode,
            align_corners=align_corners,
            data_format=data_format,
        )
    if interpolation == "bilinear" and padding_mode != "zeros":
        grid = _bounded(grid, padding_mode)
    if data_format == "channels_last":
        maps = maps.permute(0, 3, 1, 2)
    outputs = torch.nn.functional.grid_sample(
        maps,
        grid,
        mode=interpolation,
        padding_mode=padding_mode,
        align_corners=align_corners,
    )
    if data_format == "channels_last":
        outputs = outputs.permute(0, 2, 3, 1)
    return outputs


def _bounded(grid, padding_mode):
    """Replace NaN and huge coordinates by safe locations.

    On CPUs the backward pass of PyTorch 2.13 accesses memory outside the image
    for such coordinates, and crashes. The forward pass reads the same pixels
    with the replaced coordinates.
    """
    if padding_mode == "border":
        return torch.nan_to_num(grid, nan=-1.0, posinf=1.0, neginf=-1.0)
    return torch.where(grid.abs() < 1e30, grid, -1.0)


def weighted_gather(definition, table, taps):
    """Weighted sums of positions of a table, as bags of embeddings.

    The definition writes as many arrays of the size of the result as there are
    taps, and this none: a deformable convolution of 56 x 56 x 64 takes a sixth
    of the time, and a fifth in training. Only on a CPU, and not in exports.
    """
    if table.device.type != "cpu" or torch.compiler.is_exporting():
        return definition(table, taps)
    batch, positions, channels = table.shape
    *shape, _ = taps[0][0].shape
    index, weight = (
        torch.stack(parts, -1).flatten(-2) for parts in zip(*taps, strict=True)
    )
    first = torch.arange(batch, dtype=index.dtype) * positions
    index = first.view(-1, *(1,) * len(shape)) + index
    sums = _bags()(
        table.reshape(-1, channels),
        index.flatten(0, -2),
        weight.flatten(0, -2),
        positions,
    )
    return sums.view(*shape, channels)


def _bags():
    """Function that sums, with the derivatives that a caller may ask for."""
    if torch.jit.is_tracing():
        return _sums  # a file cannot hold a Python function
    compiling = torch.compiler.is_compiling()
    return (_Bags if compiling else _TransformedBags).apply


def _sums(table, index, weight, positions=None):
    """Weighted sum of the rows of a table at each line of `index`.

    The table and the lines are those of several samples, one after the other.
    The rows of a sample are its `positions`.
    """
    return torch.nn.functional.embedding_bag(
        index, table, per_sample_weights=weight, mode="sum"
    )


class _Bags(torch.autograd.Function):
    """Weighted sums of rows, with gradients of gradients.

    PyTorch's bags have none, and their gradient to the table is slow.
    """

    @staticmethod
    def forward(table, index, weight, positions):
        return _sums(table, index, weight)

    @staticmethod
    def setup_context(ctx, inputs, output):
        *tensors, ctx.positions = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx, gradient):
        table, index, weight = ctx.saved_tensors
        # Gradients are enabled here if this gradient is differentiated again
        # (`create_graph`), and in all transforms of `torch.func`.
        if torch.is_grad_enabled() or in_forward_mode():
            to_table = _differentiable_table_gradient
            to_weight = _differentiable_weight_gradient
        else:
            to_table = functools.partial(_table_gradient, ctx.positions)
            to_weight = _weight_gradient
        needed = ctx.needs_input_grad
        return (
            to_table(gradient, table, index, weight) if needed[0] else None,
            None,
            to_weight(gradient, table, index) if needed[2] else None,
            None,
        )


class _TransformedBags(_Bags):
    """Weighted sums of rows, with forward mode and `vmap`, not compiled."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        _Bags.setup_context(ctx, inputs, output)
        *tensors, ctx.positions = inputs
        ctx.save_for_forward(*tensors)

    @staticmethod
    def jvp(ctx, table_tangent, _, weight_tangent, __):
        table, index, weight = ctx.saved_tensors
        positions = ctx.positions
        # An input without a tangent gets a tangent of zeros from PyTorch.
        by_table = _TransformedBags.apply(
            table_tangent, index, weight, positions
        )
        by_weight = _TransformedBags.apply(
            table, index, weight_tangent, positions
        )
        return by_table + by_weight

    @staticmethod
    def vmap(info, in_dims, table, index, weight, positions):
        """Batch rule: stack the tables into one."""
        count = info.batch_size
        table, index, weight = (
            x.expand(count, *x.shape) if axis is None else x.movedim(axis, 0)
            for x, axis in zip((table, index, weight), in_dims[:3], strict=True)
        )
        first = torch.arange(count, dtype=index.dtype) * table.shape[1]
        sums = _TransformedBags.apply(
            table.flatten(0, 1),
            (index + first[:, None, None]).flatten(0, 1),
            weight.flatten(0, 1),
            positions,
        )
        return sums.unflatten(0, (count, -1)), 0


def _table_gradient(positions, gradient, table, index, weight):
    """Gradient to the table, which has no derivatives."""
    samples = len(table) // positions
    # There may be no samples.
    is_small = index.numel() <= samples * _SORTED_FAST
    if torch.compiler.is_compiling() or is_small:
        return _sums_by_row(gradient, index, weight, len(table))
    # Sorting small numbers of one sample takes a fifth of the time of sorting
    # all, as they need fewer passes, which are in the cache.
    dtype = torch.int16 if positions <= 2**15 else torch.int32
    index = index.unflatten(0, (samples, -1))
    first = torch.arange(samples, dtype=index.dtype) * positions
    index = (index - first[:, None, None]).to(dtype)
    parts = zip(
        gradient.unflatten(0, (samples, -1)),
        index,
        weight.unflatten(0, (samples, -1)),
        strict=True,
    )
    return torch.cat([_sums_by_row(*part, positions) for part in parts])


def _sums_by_row(gradient, index, weight, rows):
    """Return the weighted sum of gradients for each row of a table."""
    taps = index.shape[1]
    # The bag of a row of the table has the gradients of all sums that the row
    # is a part of.
    index, order = torch.sort(index.flatten())
    rows = torch.arange(rows, dtype=index.dtype)
    return torch.nn.functional.embedding_bag(
        order // taps,
        gradient.contiguous(),
        torch.searchsorted(index, rows),
        per_sample_weights=weight.flatten()[order],
        mode="sum",
    )


def _weight_gradient(gradient, table, index):
    """Gradient to the weights, which has no derivatives."""
    count, taps = index.shape
    bags = torch.arange(count, dtype=index.dtype)
    return torch.ops.aten._embedding_bag_per_sample_weights_backward(
        gradient,
        table,
        index.flatten(),
        bags * taps,
        bags.repeat_interleave(taps),
        0,
    ).view_as(index)


def _differentiable_table_gradient(gradient, table, index, weight):
    """Gradient to the table, which has derivatives."""
    parts = weight[..., None] * gradient[:, None]
    return torch.zeros_like(table).index_add(
        0, index.flatten(), parts.flatten(0, 1)
    )


def _differentiable_weight_gradient(gradient, table, index):
    """Gradient to the weights, which has derivatives."""
    return (table[index] * gradient[:, None]).sum(-1)
