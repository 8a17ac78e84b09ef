"""Native form of attention to all positions for PyTorch, part by part."""

import torch

from keras_attention._backend.pytorch_derivatives import in_forward_mode

# The most weights that are in memory at once.
_WEIGHTS = 2**20


def attend(definition, query, key, value, *, axis):
    """Sums of the values, weighted by the softmax of `query` times `key`.

    The definition keeps the weights of all pairs for its gradient. This one
    computes them twice, and never has more than a part of them.
    """
    positions = 3 - axis
    count = len(query) * query.shape[positions] * key.shape[positions]
    if (
        torch.compiler.is_compiling()
        or torch.compiler.is_exporting()
        or torch.jit.is_tracing()
        or count <= _WEIGHTS
        or in_forward_mode()
    ):
        return definition(query, key, value, axis=axis)
    if axis == 2:
        return _Attend.apply(query, key, value)
    return _Attend.apply(query.mT, key.mT, value.mT).mT


class _Attend(torch.autograd.Function):
    """Weighted sums, with gradients of gradients."""

    generate_vmap_rule = True

    @staticmethod
    def forward(query, key, value):
        parts = _parts(query, key)
        return torch.cat([_weights(q, key) @ value for q in parts], 1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        query, key, value = ctx.saved_tensors
        # Gradients are on if this gradient is to have one (`create_graph`).
        if torch.is_grad_enabled() or in_forward_mode():
            return _gradients(query, key, value, gradient)
        to_query = []
        to_key, to_value = torch.zeros_like(key), torch.zeros_like(value)
        for q, g in zip(_parts(query, key), _parts(gradient, key), strict=True):
            of_part = _gradients(q, key, value, g)
            to_query.append(of_part[0])
            to_key += of_part[1]
            to_value += of_part[2]
        return torch.cat(to_query, 1), to_key, to_value


def _parts(x, key):
    """Split the positions of queries so that a part has few weights."""
    return x.split(max(1, _WEIGHTS // (len(key) * key.shape[1])), 1)


def _weights(query, key):
    return torch.softmax(query @ key.mT, 2)


def _gradients(query, key, value, gradient):
    """Return the gradients to the queries, keys and values."""
    weights = _weights(query, key)
    to_weights = gradient @ value.mT
    mean = (to_weights * weights).sum(2, keepdim=True)
    to_scores = weights * (to_weights - mean)
    return to_scores @ key, to_scores.mT @ query, weights.mT @ gradient
