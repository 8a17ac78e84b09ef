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
PAGE = HERE.parents[1] / "docs" / "qualification" / "versions.md"
INTRODUCTION = """\
# Versions

Each line is one run of `tox run -e versions-jax` or its likes, or of
`qualification/versions/check.py` in an environment of these versions: of how
many of the layers the outputs were those of the float64 reference, came back
from a `.keras` file, and were trained for a step. NumPy and OpenVINO do not
train, in Keras.

| Keras | backend | Python | computed | saved and loaded | trained |
|---|---|---|---|---|---|
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
        rows += ["\nWhat did not:\n\n", *failed]
    PAGE.write_text(INTRODUCTION + "".join(rows))


if __name__ == "__main__":
    main()
