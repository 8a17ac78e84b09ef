"""Runner of PyTorch: eager or compiled.

"compile" is `torch.compile`, which Keras does not use by default. It takes a
minute to compile a layer and its baseline.
"""

import itertools

import torch

from benchmarks.runners import arguments
from benchmarks.runners import cotangent
from benchmarks.runners import role

WAYS = ("eager",)
OPTIONAL_WAYS = ("compile",)
_DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def ours(layer, arrays, training, way):
    """Run a layer."""
    kwargs = arguments(layer, training)
    weights = {role(w): w.value for w in layer.trainable_variables}

    def function(*inputs):
        return layer(*inputs, **kwargs)

    return _run(function, weights, layer, arrays, training, way)


def baseline(function, layer, arrays, training, way):
    """Run a baseline; its weights have the axis order of PyTorch."""
    config = layer.get_config()
    trainable = {role(w) for w in layer.trainable_variables}
    values = {
        role(w): native(w.value).detach().clone().contiguous()
        for w in layer.variables
    }
    weights = {
        name: value.requires_grad_()
        for name, value in values.items()
        if name in trainable
    }

    dtype = getattr(torch, layer.compute_dtype)

    def call(*inputs):
        own = values
        if dtype != torch.float32:
            own = {name: value.to(dtype) for name, value in values.items()}
        return function(own, *inputs, config=config, training=training)

    return _run(call, weights, layer, arrays, training, way)


def module(module, layer, arrays, training):
    """Run a module in place of the layer."""
    module = module.to(_DEVICE).train(training)
    weights = dict(module.named_parameters())
    return _run(module, weights, layer, arrays, training)


def native(value):
    """Convert a kernel to the axis order of PyTorch, or back."""
    if value.ndim == 4:
        return value.permute(3, 2, 0, 1)
    if value.ndim == 3:
        return value.permute(2, 1, 0)
    return value.T if value.ndim == 2 else value


def peak_bytes(step):
    """Return the peak memory of tensors during a call."""
    step()
    if _DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        # Without what other functions hold.
        peak = torch.cuda.max_memory_allocated() - before
        return peak + step.held_bytes
    with torch.autograd.profiler.profile(profile_memory=True) as profile:
        # The results are freed after the profile.
        found = step()
    del found
    events = sorted(
        (event.start_ns(), event.nbytes())
        for event in profile.kineto_results.events()
        if event.name() == "[memory]"
    )
    changes = (size for _, size in events)
    return max(itertools.accumulate(changes, initial=0)) + step.held_bytes


def _run(function, weights, layer, arrays, training, way="eager"):
    if way == "compile":
        # All layers share the code of `function`, and the number of graphs that
        # PyTorch makes of some code is limited.
        torch._dynamo.reset()
        function = torch.compile(function, fullgraph=True)
    to = {"device": _DEVICE, "dtype": getattr(torch, layer.compute_dtype)}
    inputs = [torch.tensor(x, **to) for x in arrays]
    constant = torch.tensor(cotangent(layer, arrays), **to)

    def forward():
        with torch.no_grad():
            return function(*inputs)

    def step():
        leaves = [x.requires_grad_() for x in inputs]
        outputs = function(*leaves)
        found = torch.autograd.grad(
            outputs,
            [*leaves, *weights.values()],
            constant,
            allow_unused=True,
        )
        of_inputs, of_weights = found[: len(inputs)], found[len(inputs) :]
        return outputs, of_inputs, dict(zip(weights, of_weights, strict=True))

    run = step if training else forward

    def wait():
        found = run()
        if _DEVICE == "cuda":
            torch.cuda.synchronize()
        return found

    wait.launch = run
    wait.held_bytes = sum(
        x.nbytes for x in (*inputs, *weights.values(), constant)
    )
    return wait
