r"""The page of versions, from the lines that `check.py` printed.

    python qualification/versions/check.py | \
        python qualification/versions/table.py

adds a line to `results.jsonl`, or replaces that of the same versions, and
writes the page.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results.jsonl"
PAGE = HERE.parents[1] / "docs" / "robustness" / "versions.md"
INTRODUCTION = """\
# Tested versions

The package works with the versions in this table. `computed` counts the layers
whose outputs equal those of the float64 reference implementation,
`saved and loaded` the layers that were restored from a `.keras` file, and
`trained` the layers that were trained for one step. Keras cannot train on the
NumPy and OpenVINO backends. Lines with fewer layers were run before the other
layers were added.

| Keras | backend | Python | computed | saved and loaded | trained |
|---|---|---|---|---|---|
"""
METHOD = """
Each line is one run of `tox run -e versions-jax`, `versions-tensorflow` or
`versions-torch`, or of `qualification/versions/check.py` in an environment with
these versions.
"""


def key(line):
    return line["backend"], line["keras"], line["python"]


def row(line):
    cells = [line["keras"], line["backend"], line["python"]]
    for step in ("computes", "is_saved", "is_trained"):
        count = line["worked"].get(step)
        cells.append("" if count is None else f"{count} of {line['layers']}")
    return f"| {' | '.join(cells)} |\n"


def main():
    texts = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    lines = [json.loads(text) for text in [*texts, *sys.stdin] if text.strip()]
    lines = sorted({key(line): line for line in lines}.values(), key=key)
    RESULTS.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    rows = [row(line) for line in lines]
    failed = [
        f"- {' '.join(key(line))}: {name}: `{said}`\n"
        for line in lines
        for name, said in line["failed"].items()
    ]
    if failed:
        rows += ["\nThese checks failed:\n\n", *failed]
    PAGE.write_text(INTRODUCTION + "".join(rows) + METHOD)


if __name__ == "__main__":
    main()
