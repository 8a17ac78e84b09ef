"""Rows by an index, and weighted sums of them as bags of embeddings."""

import torch

from keras_attention._backend.plain import sampling
from keras_attention._backend.torch.autodiff import has_tangent


def take_rows(maps, rows, columns):
    """Return the channels at `rows` and `columns`, both of rank 3.

    Keras' own would first look for negative ones.
    """
    if torch.compiler.is_exporting():
        return sampling.take_rows(maps, rows, columns)
    # Not `len`, which is a constant to a tracer.
    sample = torch.arange(maps.shape[0], device=maps.device)[:, None, None]
    return maps[sample, rows, columns]


def weighted_rows(maps, rows, columns):
    """Return the sum of what is read at each pair `(index, weight)` of taps.

    The plain form writes as many arrays of the size of the result as there are
    pairs, and this none: a deformable convolution of 56 x 56 x 64 takes a sixth
    of the time, and a fifth in training. Only on a CPU, and not in exports.
    """
    if maps.device.type != "cpu" or torch.compiler.is_exporting():
        return sampling.weighted_rows(maps, rows, columns, take_rows)
    batch, height, width, channels = maps.shape
    sample = torch.arange(batch, dtype=torch.int32)[:, None, None] * height
    lines = [((sample + row) * width, by_row) for row, by_row in rows]
    table = maps.reshape(-1, channels)
    index = torch.stack(
        [line + column for line, _ in lines for column, _ in columns], -1
    ).flatten(0, -2)
    weight = torch.stack(
        [one * other for _, one in lines for _, other in columns], -1
    ).flatten(0, -2)
    sums = _bags()(table, index, weight)
    return sums.view(*rows[0][0].shape, channels)


def _bags():
    """Return what sums, with the derivatives that a caller may ask for."""
    if torch.jit.is_tracing():
        return _sums  # a file cannot hold a Python function
    compiling = torch.compiler.is_compiling()
    return (_Bags if compiling else _TransformedBags).apply


def _sums(table, index, weight):
    """Return for each line of `index` the weighted sum of rows of a table."""
    return torch.nn.functional.embedding_bag(
        index, table, per_sample_weights=weight, mode="sum"
    )


class _Bags(torch.autograd.Function):
    """The same sums, with gradients of gradients.

    PyTorch's bags have none, and their gradient to the table is slow.
    """

    @staticmethod
    def forward(table, index, weight):
        return _sums(table, index, weight)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, slope):
        table, index, weight = ctx.saved_tensors
        # Gradients are on if this gradient is to have one (`create_graph`), as
        # in all transforms of `torch.func`.
        if torch.is_grad_enabled() or has_tangent(slope, table, weight):
            to_table, to_weight = _plain_slopes, _plain_slopes_of_weight
        else:
            to_table, to_weight = _slopes, _slopes_of_weight
        needed = ctx.needs_input_grad
        return (
            to_table(slope, table, index, weight) if needed[0] else None,
            None,
            to_weight(slope, table, index) if needed[2] else None,
        )


class _TransformedBags(_Bags):
    """The same sums, with forward mode and `vmap`, which nothing compiles."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        _Bags.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx, table_tangent, _, weight_tangent):
        table, index, weight = ctx.saved_tensors
        # PyTorch gives zeros for the tangent of what has none.
        by_table = _TransformedBags.apply(table_tangent, index, weight)
        by_weight = _TransformedBags.apply(table, index, weight_tangent)
        return by_table + by_weight

    @staticmethod
    def vmap(info, in_dims, table, index, weight):
        """Return the sums of many tables, as those of one that is longer."""
        count = info.batch_size
        table, index, weight = (
            x.expand(count, *x.shape) if axis is None else x.movedim(axis, 0)
            for x, axis in zip((table, index, weight), in_dims, strict=True)
        )
        first = torch.arange(count, dtype=index.dtype) * table.shape[1]
        sums = _TransformedBags.apply(
            table.flatten(0, 1),
            (index + first[:, None, None]).flatten(0, 1),
            weight.flatten(0, 1),
        )
        return sums.unflatten(0, (count, -1)), 0


def _slopes(slope, table, index, weight):
    """Return the gradient to the table, fast."""
    taps = index.shape[1]
    # For each row of the table, the bag of the sums that it is part of.
    index, order = torch.sort(index.flatten())
    rows = torch.arange(len(table), dtype=torch.int32)
    return torch.nn.functional.embedding_bag(
        order // taps,
        slope.contiguous(),
        torch.searchsorted(index, rows),
        per_sample_weights=weight.flatten()[order],
        mode="sum",
    )


def _slopes_of_weight(slope, table, index):
    """Return the gradient to the weights, fast."""
    count, taps = index.shape
    bags = torch.arange(count, dtype=index.dtype)
    return torch.ops.aten._embedding_bag_per_sample_weights_backward(
        slope,
        table,
        index.flatten(),
        bags * taps,
        bags.repeat_interleave(taps),
        0,
    ).view_as(index)


def _plain_slopes(slope, table, index, weight):
    """Return the gradient to the table, which has derivatives."""
    parts = weight[..., None] * slope[:, None]
    return torch.zeros_like(table).index_add(
        0, index.flatten(), parts.flatten(0, 1)
    )


def _plain_slopes_of_weight(slope, table, index):
    """Return the gradient to the weights, which has derivatives."""
    return (table[index] * slope[:, None]).sum(-1)
