"""Tests and benchmarks of the layers on one GPU, within a time budget.

    tools/gpu_check.sh --out FOLDER
    tools/gpu_check.sh --toy --backends jax --only SqueezeExcite

Runs tests of each backend on the device, then times the layers against the
hand-written ones of `benchmarks/baselines`, each part in a separate process
with a time limit. The results until then are written to `gpu_check.json` and
`gpu_check.md`.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import importlib.util
import itertools
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WHEELS = ROOT / ".gpu_wheels"
BACKENDS = ("jax", "torch")
NUMBERS = "gradient or float64_reference or training_loss"
TESTS: dict[str, tuple[str, ...]] = {
    "operations": ("tests/ops", "tests/backend"),
    "goldens": (
        "tests/test_goldens.py",
        *("tests/channel", "tests/spatial", "tests/mixed", "tests/fusion"),
        *("-k", "golden"),
    ),
    "gradients": ("tests/contract", "tests/hard", "-k", NUMBERS),
    "contract": ("tests/contract", "-k", f"not ({NUMBERS})"),
}
TOY_TESTS = {
    "operations": (
        "tests/backend",
        "-k",
        "test_scale or test_gather_positions",
    ),
    "gradients": ("tests/contract", "-k", "SqueezeExcite and finite"),
}
# The shapes of ResNet-50; a float32 map of the first has 205 MB.
SHAPES = ((56, 256), (28, 512), (14, 1024), (7, 2048))
# Each shape and dtype once, the most important ones first.
ORDER = (
    (1, "float32"),
    (1, "bfloat16"),
    (0, "float32"),
    (3, "bfloat16"),
    (2, "float32"),
    (0, "bfloat16"),
    (3, "float32"),
    (2, "bfloat16"),
)
# Also compiled by PyTorch, which takes long.
COMPILED = ("SqueezeExcite", "CBAM", "SpatialGroupEnhance", "DeformableConv2D")
# Gates with convolutions of the map; others read it twice and write it once.
CONVOLUTIONS = ("MultiScaleChannelAttention", "ResidualAttention")
# Processes of each part of the tests, if pytest-xdist is installed.
WORKERS = {"operations": 3, "gradients": 2, "contract": 2}
# Runs between two waits: an idle device would measure the processor.
QUEUED = 8
RESULTS = "GPU_CHECK_RESULTS"


def main() -> int:
    """Run the selected parts; return 1 if anything failed."""
    options = _options()
    if options.bench:
        _bench(options)
        return 0
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"toy": options.toy, "tests": [], "layers": []}
    found["copies"] = {}
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        unpacked = _unpack_missing(scratch / "packages")
        found["unpacked"] = sorted(unpacked)
        environment = functools.partial(
            _environment, options, scratch / "packages"
        )
        found["machine"] = _machine(environment)
        try:
            if options.test_budget > 0:
                _run_tests(options, environment, scratch, found)
            _write(folder, found)
            for index, backend in enumerate(options.backends):
                left = options.budget - (time.monotonic() - start)
                share = left / (len(options.backends) - index) - 5
                _run_bench(options, environment, backend, share, scratch, found)
                _write(folder, found)
        finally:  # results are kept in any case
            found["seconds"] = round(time.monotonic() - start)
            _write(folder, found)
    print((folder / "gpu_check.md").read_text())
    bad = [test for test in found["tests"] if test["failed"]]
    bad += [line for line in found["layers"] if "error" in line]
    return int(bool(bad) or not found["layers"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/gpu_check.sh", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--out",
        default=os.environ.get("OUT") or str(ROOT / "output" / "gpu_check"),
        help="folder of what is written; else $OUT, else output/gpu_check",
    )
    parser.add_argument(
        "--toy", action="store_true", help="few tests, one small shape"
    )
    parser.add_argument(
        "--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS)
    )
    parser.add_argument("--only", nargs="+", default=[], help="layers")
    parser.add_argument(
        "--budget", type=float, default=450.0, help="seconds of everything"
    )
    parser.add_argument(
        "--test-budget", type=float, default=240.0, help="seconds of tests"
    )
    parser.add_argument(
        "--tests", nargs="+", choices=TESTS, help="parts of the tests"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=len(ORDER),
        help="number of combinations of shape and dtype that are timed",
    )
    parser.add_argument("--bench", choices=BACKENDS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _unpack_missing(folder: Path) -> list[str]:
    """Unpack the wheels of missing packages; return names and versions."""
    names = []
    for wheel in sorted(WHEELS.glob("*.whl")):
        name, _, rest = wheel.stem.partition("-")
        tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
        fits = tag in rest or "-none-any" in rest or "-abi3-" in rest
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            if not fits:
                continue
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
            names.append(f"{name} {rest.partition('-')[0]}")
    return names


def _environment(
    options: argparse.Namespace, packages: Path, backend: str
) -> dict[str, str]:
    """Return the environment of a process of a backend."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join(
            map(str, (ROOT, ROOT / "tools", packages))
        ),
        # Full float32 precision.
        "NVIDIA_TF32_OVERRIDE": "0",
        "JAX_DEFAULT_MATMUL_PRECISION": "highest",
        # Two backends share the memory of the device.
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "JAX_TRACEBACK_IN_LOCATIONS_LIMIT": "0",
    }
    environment.pop("PYTHONSAFEPATH", None)
    if not options.toy:
        # The flags of the tests are for CPUs.
        environment.pop("XLA_FLAGS", None)
    return environment


def _machine(environment: Any) -> dict[str, Any]:
    """Return the machine and the versions that the results depend on."""
    versions = {}
    for name in ("keras", "numpy", "jax", "jaxlib", "torch", "triton"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    try:
        device = subprocess.run(
            [
                "nvidia-smi",
                "--query-gpu=name,driver_version,memory.total",
                "--format=csv,noheader",
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=20,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        device = "no GPU"
    return {
        "device": device,
        "python": platform.python_version(),
        "versions": versions,
    }


def _run_tests(
    options: argparse.Namespace, environment: Any, scratch: Path, found: Any
) -> None:
    """Run all parts of the tests at once, and end them together."""
    tests = TOY_TESTS if options.toy else TESTS
    tests = {name: tests[name] for name in options.tests or tests}
    running = {}
    for backend, (part, arguments) in itertools.product(
        options.backends, tests.items()
    ):
        path = scratch / f"tests-{backend}-{part}.jsonl"
        log = scratch / f"tests-{backend}-{part}.log"
        with log.open("w") as output:
            running[backend, part] = subprocess.Popen(
                [
                    *(sys.executable, "-m", "pytest", "-q", "--tb=short"),
                    *("-p", "gpu_check", "-p", "no:cacheprovider"),
                    # Unpinned versions may emit other warnings.
                    *("-o", "filterwarnings=default"),
                    *_workers(part),
                    *arguments,
                ],
                cwd=ROOT,
                env={**environment(backend), RESULTS: str(path)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    end = time.monotonic() + options.test_budget
    for (backend, part), process in running.items():
        ended = _wait(process, max(1.0, end - time.monotonic()))
        lines = _lines(scratch / f"tests-{backend}-{part}.jsonl")
        outcomes = [line["outcome"] for line in lines]
        failures = [line for line in lines if line["outcome"] == "failed"]
        log = (scratch / f"tests-{backend}-{part}.log").read_text()
        # 0: all passed, 1: some failed. Any other status means that tests did
        # not run.
        broken = ended and process.returncode not in (0, 1)
        found["tests"].append(
            {
                "backend": backend,
                "part": part,
                "passed": outcomes.count("passed"),
                "failed": len(failures) + broken,
                "skipped": outcomes.count("skipped"),
                "complete": ended,
                "failures": failures[:50],
                "log": log[-3000:] if failures or broken else "",
            }
        )


def _workers(part: str) -> tuple[str, ...]:
    """Return the arguments that distribute a part over processes."""
    if importlib.util.find_spec("xdist") is None or part not in WORKERS:
        return ()
    return ("-n", str(WORKERS[part]))


def _wait(process: subprocess.Popen, seconds: float) -> bool:
    """Wait for a process, end it when its time is over; return if it ended."""
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False


def _lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of JSON that a process has written so far."""
    if not path.exists():
        return []
    lines = []
    for line in path.read_text().splitlines():
        with contextlib.suppress(ValueError):  # the last line may be incomplete
            lines.append(json.loads(line))
    return lines


def pytest_configure(config: Any) -> None:
    """Set full float32 precision, where this file is a pytest plugin."""
    if os.environ["KERAS_BACKEND"] == "torch":
        _full_precision()


def pytest_runtest_logreport(report: Any) -> None:
    """Write a line for each test, at once, as its process may be ended."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # the parent process gets the same reports
    if report.when != "call" and report.outcome == "passed":
        return
    line = {"test": report.nodeid, "outcome": report.outcome}
    if report.failed:
        line["message"] = str(report.longrepr)[-1500:]
    with Path(os.environ[RESULTS]).open("a") as results:
        results.write(json.dumps(line) + "\n")


def _full_precision() -> None:
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def _run_bench(
    options: argparse.Namespace,
    environment: Any,
    backend: str,
    seconds: float,
    scratch: Path,
    found: Any,
) -> None:
    """Time the layers of a backend for some seconds."""
    path = scratch / f"bench-{backend}.jsonl"
    log = scratch / f"bench-{backend}.log"
    arguments = ["--bench", backend, "--budget", str(seconds)]
    arguments += ["--rounds", str(options.rounds)]
    arguments += ["--toy"] * options.toy
    arguments += ["--only", *options.only] if options.only else []
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, __file__, *arguments],
            cwd=ROOT,
            env={**environment(backend), RESULTS: str(path)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    ended = _wait(process, max(1.0, seconds))
    for line in _lines(path):
        if "copy" in line:
            found["copies"][backend] = line["copy"]
        else:
            found["layers"].append(line)
    if ended and process.returncode:
        found["layers"].append(
            {"backend": backend, "error": log.read_text()[-3000:]}
        )


def _bench(options: argparse.Namespace) -> None:
    """Time layers and their baselines until the budget is used up."""
    if options.bench == "torch":
        _full_precision()
    from keras_attention import _cards

    classes = _cards.layers()
    end = time.monotonic() + options.budget
    _report({"copy": _copy_speed(options)})
    # XLA compiles some functions at a time, and none while others are timed.
    at_once = 16 if options.bench == "jax" else 1
    with concurrent.futures.ThreadPoolExecutor(min(at_once, 8)) as pool:
        everything = list(_work(options))
        for start in range(0, len(everything), at_once):
            group = everything[start : start + at_once]
            futures = [pool.submit(_prepare, *work) for work in group]
            if at_once > 1:
                concurrent.futures.wait(futures)
            for (case, shape, dtype, training, way), steps in zip(
                group, futures, strict=True
            ):
                if time.monotonic() > end:
                    return
                line = {
                    "backend": options.bench,
                    "layer": case.name,
                    "gate": classes[case.name].card.is_gate,
                    "shape": str(shape),
                    "dtype": dtype,
                    "pass": "training" if training else "forward",
                    "way": way,
                }
                try:
                    line |= _compare(steps.result(), dtype)
                except Exception as error:  # the other layers are measured
                    line["error"] = f"{type(error).__name__}: {error}"[:1000]
                _report(line)


def _report(line: dict[str, Any]) -> None:
    """Write a line of JSON at once, as the process may be ended."""
    with Path(os.environ[RESULTS]).open("a") as results:
        results.write(json.dumps(line) + "\n")


def _work(options: argparse.Namespace) -> Any:
    """Yield case, shape, dtype, whether to train, and way, by importance."""
    from benchmarks.cases import LAYERS
    from benchmarks.cases import QUICK
    from benchmarks.cases import Shape

    cases = [c for c in LAYERS if not options.only or c.name in options.only]
    if options.toy:
        order = [(QUICK[0], dtype) for dtype in ("float32", "bfloat16")]
    else:
        sides = [Shape(64, size, size, width) for size, width in SHAPES]
        order = [(sides[index], dtype) for index, dtype in ORDER]
    order = order[: options.rounds]
    way = "aot" if options.bench == "jax" else "eager"
    for number, (shape, dtype) in enumerate(order):
        for case in cases:
            yield case, shape, dtype, False, way
            yield case, shape, dtype, True, way
        if number == 1 and options.bench == "torch" and not options.toy:
            # Not after the first two rounds, as compilation takes long.
            for case in cases:
                if case.name in COMPILED:
                    yield case, *order[0], False, "compile"
                    yield case, *order[0], True, "compile"


def _copy_speed(options: argparse.Namespace) -> float:
    """Return the bytes per second of a copy, read and written."""
    import keras

    from benchmarks import timing

    values = keras.ops.ones((2**20 if options.toy else 2**28,), "float32")
    if options.bench == "jax":
        import jax

        copy = jax.jit(lambda x: -x)

        def run() -> None:
            jax.block_until_ready([copy(values) for _ in range(QUEUED)][-1])

    else:
        import torch

        def run() -> None:
            for _ in range(QUEUED):
                values.clone()
            if torch.cuda.is_available():
                torch.cuda.synchronize()

    timing.seconds(run, 3)
    seconds = min(timing.seconds(run) for _ in range(5))
    return QUEUED * 2 * values.nbytes / seconds


def _prepare(
    case: Any, shape: Any, dtype: str, training: bool, way: str
) -> dict[str, Any]:
    """Return the steps of a layer and its baseline, compiled."""
    import keras

    from benchmarks import baselines
    from benchmarks import runners

    # Keras keeps the policy for each thread.
    keras.config.set_dtype_policy(
        dtype if dtype == "float32" else f"mixed_{dtype}"
    )
    layer, arrays = case.layer(shape), case.arrays(shape)
    runner = runners.active()
    baseline = baselines.find(case.baseline)
    return {
        "ours": runner.ours(layer, arrays, training, way),
        "baseline": runner.baseline(baseline, layer, arrays, training, way),
    }


def _compare(steps: dict[str, Any], dtype: str) -> dict[str, Any]:
    """Return times and memory of a layer and its baseline."""
    import keras
    import numpy as np

    from benchmarks import runners
    from benchmarks import timing

    outputs = {}
    line: dict[str, Any] = {}
    for side, step in steps.items():
        line[f"{side}_bytes"] = runners.active().peak_bytes(step)
        output = step()
        # Outputs only, which come before gradients.
        output = output[0] if isinstance(output, tuple) else output
        # A million elements are enough.
        output = output[: max(1, 2**20 // math.prod(output.shape[1:]))]
        output = keras.ops.convert_to_numpy(keras.ops.cast(output, "float32"))
        outputs[side] = np.asarray(output)
    scale = float(np.abs(outputs["baseline"]).max()) or 1.0
    difference = np.abs(outputs["ours"] - outputs["baseline"]) / scale
    # Rounding may change which pixels are sampled.
    line["difference"] = float(np.quantile(difference, 0.99))
    limit = 1e-3 if dtype == "float32" else 5e-2
    if not line["difference"] <= limit:
        line["error"] = (
            "The layer and its baseline must agree. "
            f"Received: difference={line['difference']}"
        )
    ratio = timing.compare(
        _queued(steps["ours"]),
        _queued(steps["baseline"]),
        budget=0.2,
        turns=9,
        turn=2e-3,
    )
    line["ratio"] = ratio.median
    line["ours_ms"] = 1e3 * ratio.seconds / QUEUED
    line["baseline_ms"] = 1e3 * ratio.baseline_seconds / QUEUED
    return line


def _queued(step: Any) -> Any:
    """Return a function that starts several runs and waits for the last."""

    def run() -> None:
        for _ in range(QUEUED - 1):
            step.launch()
        step()

    return run


def _write(folder: Path, found: dict[str, Any]) -> None:
    """Write the results as JSON and as Markdown."""
    (folder / "gpu_check.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "gpu_check.md").write_text(_markdown(found))


def _markdown(found: dict[str, Any]) -> str:
    about = found["machine"]
    versions = ", ".join(
        [*(f"{k} {v}" for k, v in about["versions"].items())]
        + found["unpacked"]
    )
    lines = [
        "# Checks and speed on a GPU",
        "",
        f"{about['device']}. Python {about['python']}, {versions}.",
        "All digits of float32: no TF32.",
        "",
        "| backend | tests | passed | failed | skipped | complete |",
        "|:--|:--|--:|--:|--:|:--|",
    ]
    for test in found["tests"]:
        complete = "yes" if test["complete"] else "no: out of time"
        lines.append(
            f"| {test['backend']} | {test['part']} | {test['passed']} "
            f"| {test['failed']} | {test['skipped']} | {complete} |"
        )
    lines += [
        "",
        (
            "A ratio is the layer's time to that of hand-written code: below "
            "1, the layer is faster. `aot` is compiled by XLA, `eager` and "
            "`compile` are PyTorch's. Means are geometric."
        ),
        "",
        "| backend | way | dtype | pass | layers | mean ratio |",
        "|:--|:--|:--|:--|--:|--:|",
    ]
    measured = [line for line in found["layers"] if "ratio" in line]
    keys = ("backend", "way", "dtype", "pass")
    groups: dict[tuple[str, ...], list[float]] = {}
    for line in measured:
        group = tuple(line[key] for key in keys)
        groups.setdefault(group, []).append(line["ratio"])
    for group, ratios in groups.items():
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        lines.append(f"| {' | '.join(group)} | {len(ratios)} | {mean:.2f} |")
    copies = ", ".join(
        f"{speed / 1e9:.0f} GB/s ({backend})"
        for backend, speed in found["copies"].items()
    )
    lines += [
        "",
        (
            f"A copy moves {copies}, read and written. The last column is the "
            "share of this speed at which a gate reads its map twice and "
            "writes it once."
        ),
        "",
        (
            "| backend | layer | shape | dtype | pass | way | ms | baseline ms "
            "| ratio | MiB | baseline MiB | of copy |"
        ),
        "|:--|:--|:--|:--|:--|:--|--:|--:|--:|--:|--:|--:|",
    ]
    for line in found["layers"]:
        cells = [
            str(line.get(key, ""))
            for key in ("backend", "layer", "shape", "dtype", "pass", "way")
        ]
        cells += [
            f"{line[key]:.3f}" if key in line else "-"
            for key in ("ours_ms", "baseline_ms", "ratio")
        ]
        cells += [
            f"{line[key] / 2**20:.0f}" if line.get(key) is not None else "-"
            for key in ("ours_bytes", "baseline_bytes")
        ]
        cells.append(_share_of_copy(line, found["copies"]))
        lines.append("| " + " | ".join(cells) + " |")
    failures = [
        f"- {test['backend']}: `{failure['test']}`"
        for test in found["tests"]
        for failure in test["failures"]
    ]
    failures += [
        f"- {line['backend']}: {line.get('layer', 'benchmark')} "
        f"{line.get('dtype', '')} {line.get('pass', '')}: "
        f"{line['error'].strip().splitlines()[-1]}"
        for line in found["layers"]
        if "error" in line
    ]
    if failures:
        lines += ["", "## Failures", "", *failures]
    return "\n".join(lines) + "\n"


def _share_of_copy(line: dict[str, Any], copies: dict[str, float]) -> str:
    """Return the bytes that a gate moves per second, to those of a copy."""
    gate = line.get("gate") and line["layer"] not in CONVOLUTIONS
    if (
        not gate
        or line["pass"] != "forward"
        or "ours_ms" not in line
        or line["backend"] not in copies
    ):
        return "-"
    width = 4 if line["dtype"] == "float32" else 2
    moved = 3 * width * math.prod(map(int, line["shape"].split("x")))
    speed = moved / (line["ours_ms"] / 1e3)
    return f"{speed / copies[line['backend']]:.0%}"


if __name__ == "__main__":
    sys.exit(main())
