"""Reports of benchmark results as JSON, as a table and as a plot."""

import dataclasses
import json
import math
import os
import platform
from collections.abc import Iterable
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import keras

from benchmarks import timing
from benchmarks.cases import LAYERS
from benchmarks.cases import UNUSUAL
from benchmarks.cases import USUAL
from benchmarks.compilation import Compilation
from benchmarks.growth import Curve
from benchmarks.layers import Result
from benchmarks.memory import Peak
from benchmarks.network import Cost
from benchmarks.startup import Startup
from benchmarks.timing import Ratio

_PACKAGES = {
    "jax": ("jax",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "torch": ("torch", "timm"),
}
_RESULTS = {
    "layers": Result,
    "timm": Result,
    "samplers": Result,
    "network": Cost,
    "memory": Peak,
    "compilation": Compilation,
    "growth": Curve,
    "startup": Startup,
}
_NAMES = [case.name for case in LAYERS]
_SHAPES = [str(shape) for shape in USUAL + UNUSUAL]


def machine() -> dict[str, Any]:
    """Return the machine and the versions that the results depend on."""
    backend = keras.config.backend()
    versions = {}
    for package in ("keras", "numpy", *_PACKAGES[backend]):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "backend": backend,
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": os.environ.get("OMP_NUM_THREADS", "as many as cores"),
        **({} if timing.CLOCK == "wall" else {"clock": timing.CLOCK}),
        "python": platform.python_version(),
        "versions": versions,
    }


def geometric_mean(ratios: Iterable[float]) -> float:
    """Return the geometric mean of ratios."""
    logs = [math.log(ratio) for ratio in ratios]
    if not logs:
        return math.nan
    return math.exp(sum(logs) / len(logs))


def read(folder: Path) -> dict[str, Any]:
    """Return what `write` wrote for the active backend, if anything."""
    path = folder / f"{keras.config.backend()}.json"
    if not path.exists():
        return {}
    found = json.loads(path.read_text())
    for run in (found, *found.get("other_machines", [])):
        for part in run.keys() & _RESULTS.keys():
            for row in run[part]:
                if "ratio" in row:
                    row["ratio"] = Ratio(**row["ratio"])
            run[part] = [_RESULTS[part](**row) for row in run[part]]
    return found


def merge(earlier: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return earlier results with new ones in their place.

    Results of another machine than that of the earlier ones, or of other
    versions, are kept apart, as all rows of a table are of one machine.
    """
    if not earlier:
        return found
    first = {k: v for k, v in earlier.items() if k != "other_machines"}
    runs = [first, *earlier.get("other_machines", [])]
    now = machine()
    for index, run in enumerate(runs):
        if run["machine"] == now:
            runs[index] = _replace(run, found)
            break
    else:
        runs.append({"machine": now, **found})
    return {**runs[0], **({"other_machines": runs[1:]} if runs[1:] else {})}


def _replace(run: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return the results of a machine with new ones in their place."""
    replaced = {**run}
    for part, results in found.items():
        rows = {_key(row): row for row in run.get(part, [])}
        rows |= {_key(row): row for row in results}
        replaced[part] = sorted(rows.values(), key=_sort_key)
    return replaced


def _key(row: Any) -> tuple:
    """Return what is measured, without the result."""
    return tuple(
        value
        for name, value in zip(row._fields, row, strict=True)
        if name in ("layer", "shape", "pass_", "way", "what")
    )


def _sort_key(row: Any) -> tuple[int, ...]:
    """Return the key by which the rows of a table are sorted."""
    layer = getattr(row, "layer", "").partition(" / ")[0]
    return tuple(
        order.index(name) if name in order else len(order)
        for name, order in (
            (layer, _NAMES),
            (getattr(row, "shape", ""), _SHAPES),
        )
    )


def write(folder: Path, sections: dict[str, Any]) -> None:
    """Write `<backend>.json` and `<backend>.md`, and plot the growth."""
    backend = keras.config.backend()
    folder.mkdir(parents=True, exist_ok=True)
    found = (
        sections
        if "machine" in sections
        else {"machine": machine(), **sections}
    )
    (folder / f"{backend}.json").write_text(
        json.dumps(_plain(found), indent=1) + "\n"
    )
    (folder / f"{backend}.md").write_text(markdown(found))
    if sections.get("growth"):
        _plot(sections["growth"], folder / f"{backend}.png")


def markdown(found: dict[str, Any]) -> str:
    """Return the tables, of one machine after the other."""
    backend = found["machine"]["backend"]
    return _tables(found, f"Speed on {backend}") + "".join(
        "\n" + _tables(run, f"Speed on {backend}, another machine", False)
        for run in found.get("other_machines", [])
    )


def _tables(found: dict[str, Any], title: str, is_first: bool = True) -> str:
    """Return the tables of a machine, the first with the plot of the growth."""
    about = found["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
    lines = [
        f"# {title}",
        "",
        (
            f"{about['processor']}, {about['cores']} cores, threads: "
            f"{about['threads']}. Python {about['python']}, {versions}."
            + (" Times are those on the processor." if "clock" in about else "")
        ),
        "",
        (
            "Ratios of times, the layer's to that of hand-written code of the "
            "same numbers: the median of neighboring turns, and their "
            "quartiles. Below 1 the layer is faster."
        ),
    ]
    for way in ("compiled", "eager"):
        results = [r for r in found.get("layers", []) if r.way == way]
        if results:
            lines += ["", f"## Layers, {way}", "", *_layers(results)]
    if modules := found.get("timm"):
        lines += ["", "## Against modules of timm", "", *_rows(modules)]
    if samplers := found.get("samplers"):
        lines += ["", "## Samplers", "", *_rows(samplers)]
    if network := found.get("network"):
        lines += [
            "",
            "## A training step of a small ResNet, to one without attention",
            "",
            "| layer | ratio |",
            "|:--|--:|",
            *(f"| {c.layer} | {_ratio(c.ratio)} |" for c in network),
        ]
    if memory := found.get("memory"):
        lines += [
            "",
            "## Memory of a training step, in MiB for a sample of 56 x 56 x 64",
            "",
            "| layer | layer | baseline | ratio |",
            "|:--|--:|--:|--:|",
            *(
                f"| {peak.layer} | {peak.ours / 2**20:.2f} "
                f"| {peak.baseline / 2**20:.2f} "
                f"| {peak.ours / peak.baseline:.2f} |"
                for peak in memory
            ),
        ]
    if compilation := found.get("compilation"):
        lines += [
            "",
            "## Compilation of a training step, in seconds",
            "",
            "The baseline of a network is `keras.applications.ResNet50`.",
            "",
            "| layer or network | ours | baseline | ratio |",
            "|:--|--:|--:|--:|",
            *(
                f"| {c.layer} | {c.ours:.2f} | {c.baseline:.2f} "
                f"| {c.ours / c.baseline:.2f} |"
                for c in compilation
            ),
        ]
    if growth := found.get("growth"):
        lines += [
            "",
            "## Growth of a training step",
            "",
            (
                "The power of the size that time grows with, between the two "
                "largest sizes."
            ),
            "",
            "| layer | positions | channels | batch |",
            "|:--|--:|--:|--:|",
            *_growth(growth),
        ]
        if is_first:
            file = f"{about['backend']}.png"
            lines += ["", f"![Time of a training step]({file})"]
    if startup := found.get("startup"):
        (seconds,) = startup
        lines += [
            "",
            "## Start-up",
            "",
            (
                f"`import keras` takes {seconds.keras:.2f} s, and `import "
                f"keras_attention` {seconds.keras_attention:.2f} s more."
            ),
        ]
    return "\n".join(lines) + "\n"


def _layers(results: Sequence[Result]) -> list[str]:
    """Return a table with a row per layer and shape, and the means."""
    lines = ["| layer | shape | forward | training |", "|:--|:--|--:|--:|"]
    cells = {(r.layer, r.shape, r.pass_): r.ratio for r in results}
    for layer, shape in dict.fromkeys((r.layer, r.shape) for r in results):
        forward, training = (
            _ratio(cells.get((layer, shape, which)))
            for which in ("forward", "training")
        )
        lines.append(f"| {layer} | {shape} | {forward} | {training} |")
    usual = set(map(str, USUAL))
    for label, of_these in (
        ("the usual shapes", [r for r in results if r.shape in usual]),
        ("the others", [r for r in results if r.shape not in usual]),
    ):
        if of_these:
            lines.append(_means(f"geometric mean of {label}", of_these))
    return lines


def _means(label: str, results: Sequence[Result]) -> str:
    """Return a row of the means of both passes."""
    means = [
        geometric_mean(r.ratio.median for r in results if r.pass_ == which)
        for which in ("forward", "training")
    ]
    return f"| **{label}** | | **{means[0]:.2f}** | **{means[1]:.2f}** |"


def _rows(samplers: Sequence[Result]) -> list[str]:
    return [
        "| what / against | shape | pass | ratio |",
        "|:--|:--|:--|--:|",
        *(
            f"| {s.layer} | {s.shape} | {s.pass_} | {_ratio(s.ratio)} |"
            for s in samplers
        ),
    ]


def _growth(curves: Sequence[Curve]) -> list[str]:
    exponents = {(c.layer, c.what): f"{c.exponent:.2f}" for c in curves}
    return [
        f"| {layer} | "
        + " | ".join(
            exponents[layer, what]
            for what in ("positions", "channels", "batch")
        )
        + " |"
        for layer in dict.fromkeys(c.layer for c in curves)
    ]


def _ratio(ratio: Any) -> str:
    if ratio is None:
        return "not measured"
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _plot(curves: Sequence[Curve], path: Path) -> None:
    """Plot all curves on logarithmic axes."""
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(c.what for c in curves))
    layers = list(dict.fromkeys(c.layer for c in curves))
    figure = Figure(figsize=(12, 7), layout="constrained")
    axes = figure.subplots(1, len(kinds), sharey=True)
    for panel, what in zip(axes, kinds, strict=True):
        for curve in curves:
            if curve.what == what:
                number = layers.index(curve.layer)
                panel.loglog(
                    curve.sizes,
                    [1e3 * seconds for seconds in curve.seconds],
                    f"C{number % 10}",
                    marker="os^Dv"[number // 10],
                    markersize=4,
                    label=curve.layer,
                )
        sizes = next(c.sizes for c in curves if c.what == what)
        lowest = 1e3 * min(c.seconds[0] for c in curves if c.what == what)
        panel.loglog(
            sizes,
            [lowest * size / sizes[0] for size in sizes],
            color="0.6",
            linestyle="--",
            label="in proportion",
        )
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
        panel.minorticks_off()
        panel.set_xlabel(what)
    axes[0].set_ylabel("training step in ms")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=8)
    figure.suptitle(f"How time grows, on {keras.config.backend()}")
    figure.savefig(path, dpi=100)


def _plain(value: Any) -> Any:
    """Convert a value to types of JSON."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    elif dataclasses.is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _processor() -> str:
    """Return the name of the processor, or of the GPU if there is one."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
