"""Rows by an index, and weighted sums of them as bags of embeddings."""

import torch

from keras_attention._backend.plain import sampling


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
    # To the weights the gradient of the bags is quick, to the table slow.
    sums = torch.nn.functional.embedding_bag(
        index, table.detach(), per_sample_weights=weight, mode="sum"
    )
    if table.requires_grad:
        sums = _GradientOfTable.apply(sums, table, index, weight)
    return sums.view(*rows[0][0].shape, channels)


class _GradientOfTable(torch.autograd.Function):
    """Adds the gradient of the table to sums that were made without it."""

    @staticmethod
    def forward(ctx, sums, table, index, weight):
        ctx.save_for_backward(index, weight)
        ctx.length = len(table)
        return sums.view_as(sums)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, slope):
        index, weight = ctx.saved_tensors
        taps = index.shape[1]
        # For each row of the table, the bag of the sums that it is part of.
        index, order = torch.sort(index.flatten())
        rows = torch.arange(ctx.length, dtype=torch.int32)
        of_table = torch.nn.functional.embedding_bag(
            order // taps,
            slope.contiguous(),
            torch.searchsorted(index, rows),
            per_sample_weights=weight.flatten()[order],
            mode="sum",
        )
        return slope, of_table, None, None
