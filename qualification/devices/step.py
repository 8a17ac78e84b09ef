"""Compares a training step on several devices with the same step on one.

`python qualification/devices/step.py data` (or `model`, on JAX) prints, as
JSON, how far the weights and the state of each soft layer are from those of one
device, after a step of SGD with momentum, relative to the largest of them.
"""

import json
import os
import sys
from pathlib import Path

BACKEND = os.environ["KERAS_BACKEND"]
DEVICES = 8 if BACKEND == "jax" else 2
if BACKEND == "jax":
    os.environ["XLA_FLAGS"] = (
        os.environ.get("XLA_FLAGS", "")
        + f" --xla_force_host_platform_device_count={DEVICES}"
    )
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import keras  # noqa: E402
import numpy as np  # noqa: E402

BATCH = 8


def cases():
    """Yield a case of each soft layer, and whether it has normalization."""
    from cases import CASES

    seen = set()
    for case in CASES:
        if case.layer_cls not in seen:
            seen.add(case.layer_cls)
            layer = case.generic()
            has_batch_norm = any("moving" in w.path for w in layer.weights)
            yield case, has_batch_norm


def task(case, batch=BATCH):
    """Return inputs and targets of `batch` samples."""
    shapes = tuple((batch, *shape[1:]) for shape in case.shapes)
    return case.inputs(shapes), case.cotangent(shapes)


def model_of(case):
    layer = case.generic()
    inputs = [keras.Input(shape[1:]) for shape in case.shapes]
    model = keras.Model(inputs, layer(*inputs))
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    return model


def fit(model, inputs, targets):
    """Take a step on all samples, and return the weights and the state."""
    before = weights_of(model)
    model.fit(
        inputs,
        targets,
        batch_size=len(targets),
        epochs=1,
        shuffle=False,
        verbose=0,
    )
    after = weights_of(model)
    assert distance(after, before) > 1e-4
    return after


def weights_of(model):
    return {
        w.path.partition("/")[2]: keras.ops.convert_to_numpy(w)
        for w in model.weights
    }


def distance(found, right):
    """Return the largest error of any weight."""
    return max(
        float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-6))
        for a, b in zip(found.values(), right.values(), strict=True)
    )


def same_for_all(arrays, parts):
    """Repeat the samples of the first device for all devices."""
    first = [a[: BATCH // parts] for a in arrays]
    return [np.concatenate([a] * parts) for a in first], first


def on_jax(kind):
    """Normalization is over the samples of all devices, as on one device."""
    found, singles = {}, {}
    everything = list(cases())
    for case, _ in everything:
        inputs, targets = task(case)
        model = model_of(case)
        shapes = {w.path: w.shape for w in model.weights}
        singles[case.layer_cls] = fit(model, inputs, targets), shapes
    devices = keras.distribution.list_devices()
    assert len(devices) == DEVICES
    for case, _ in everything:
        right, shapes = singles[case.layer_cls]
        keras.backend.clear_session()
        if kind == "data":
            distribution = keras.distribution.DataParallel(devices=devices)
        else:
            mesh = keras.distribution.DeviceMesh(
                (2, 4), ("batch", "model"), devices
            )
            layout = keras.distribution.LayoutMap(mesh)
            for path, shape in shapes.items():
                if len(shape) > 1 and shape[-1] % 4 == 0:
                    # The path starts with a name that differs between runs.
                    end = path.partition("/")[2]
                    layout[f"^[^/]+/{end}$"] = (None,) * (len(shape) - 1) + (
                        "model",
                    )
            distribution = keras.distribution.ModelParallel(
                layout_map=layout, batch_dim_name="batch"
            )
        keras.distribution.set_distribution(distribution)
        inputs, targets = task(case)
        found[case.layer_cls.__name__] = distance(
            fit(model_of(case), inputs, targets), right
        )
        keras.distribution.set_distribution(None)
    return found


def on_tensorflow(kind):
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * DEVICES
    )
    strategy = tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(DEVICES)]
    )
    assert strategy.num_replicas_in_sync == DEVICES
    found = {}
    for case, has_batch_norm in cases():
        inputs, targets = task(case)
        alone = [*inputs, targets]
        if has_batch_norm:
            together, alone = same_for_all(alone, DEVICES)
            *inputs, targets = together
        right = fit(model_of(case), alone[:-1], alone[-1])
        with strategy.scope():
            model = model_of(case)
        found[case.layer_cls.__name__] = distance(
            fit(model, inputs, targets), right
        )
    return found


def on_torch(kind):
    import tempfile

    import torch.multiprocessing

    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(
            _torch_worker, (folder,), nprocs=DEVICES, join=True
        )
        found = {}
        for index, (case, has_batch_norm) in enumerate(cases()):
            inputs, targets = task(case)
            alone = [*inputs, targets]
            if has_batch_norm:
                _, alone = same_for_all(alone, DEVICES)
            model = model_of(case)
            _torch_step(model, model, alone)
            right = weights_of(model)
            ranks = []
            for rank in range(DEVICES):
                with np.load(Path(folder) / f"{index}-{rank}.npz") as file:
                    ranks.append({name: file[name] for name in right})
            # Each process has an equal copy.
            assert distance(ranks[1], ranks[0]) == 0
            found[case.layer_cls.__name__] = distance(ranks[0], right)
    return found


def _torch_step(model, callable_, arrays):
    import torch

    *inputs, targets = [torch.tensor(a) for a in arrays]
    weights = [w.value for w in model.trainable_weights]
    optimizer = torch.optim.SGD(weights, 0.05, momentum=0.9)
    loss = ((callable_(inputs, training=True) - targets) ** 2).mean()
    loss = loss + sum(model.losses)
    loss.backward()
    optimizer.step()


def _torch_worker(rank, folder):
    import torch.distributed

    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meeting",
        rank=rank,
        world_size=DEVICES,
    )
    for index, (case, has_batch_norm) in enumerate(cases()):
        inputs, targets = task(case)
        arrays = [*inputs, targets]
        if has_batch_norm:
            _, own = same_for_all(arrays, DEVICES)
        else:
            share = BATCH // DEVICES
            own = [a[rank * share : (rank + 1) * share] for a in arrays]
        model = model_of(case)
        parallel = torch.nn.parallel.DistributedDataParallel(model)
        _torch_step(model, parallel, own)
        np.savez(Path(folder) / f"{index}-{rank}.npz", **weights_of(model))
    torch.distributed.destroy_process_group()


def main():
    run = {"jax": on_jax, "tensorflow": on_tensorflow, "torch": on_torch}
    found = run[BACKEND](sys.argv[1])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
