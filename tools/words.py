"""Reports words that the project does not use, by file and line.

`python tools/words.py` checks all text files of the tree; it is a part of
`tox run -e lint`. Exits with 1 if there is such a word.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = (".ini", ".md", ".py", ".toml")
# Generated files and other people's, by their path in the tree.
IGNORED = (
    "docs/gallery",
    "docs/notebooks",
    "docs/_examples",
    "docs/api/classes",
    "build",
    "dist",
)

# Patterns of words, and what is written instead.
WORDS = {
    r"twins?": "reference implementation",
    r"slopes?": "gradient, derivative",
    r"peers?": "baseline, backend runner",
    r"defects?": "mutation",
    r"(un)?damaged?": "corrupted",
    r"told": "reported, documented, raised, predicted",
    r"(came|comes) to": "results in, the results",
    r"likeness": "similarity",
    r"likenesses": "similarities",
    r"plumbing": "backend-independent checks",
    r"trust(?=/)": "qualification",
    r"\w*rectif(y|ies|ied|ier|iers)": "relu",
    r"perceptrons?": "mlp",
    r"accumulable": "upcast",
    r"halve(?=\()": "max_pool",
    r"tile_means": "average_pool",
    r"blend": "lerp",
    r"take_rows": "gather_positions",
    r"weighted_rows": "weighted_gather",
    r"window_sums": "conv2d_few_channels",
    r"conv2d_of_blocks": "grouped_conv2d",
    r"normed": "conv_batch_norm, normalized",
    r"handover": "step cache",
    r"loss_of_places": "reinforce_loss",
    r"gradient_maps": "grad_cam",
    r"residual_branches": "branch_ends",
    r"\w*unfit|left_over|misshapen": "unexpected keys, shape mismatch",
    r"cent(re|res|red)": "center",
    r"neighbour\w*": "neighbor",
    r"(un)?honour\w*": "honor",
    r"behaviours?": "behavior",
    r"colour\w*": "color",
    r"grey\w*": "gray",
    r"(?<!loss_of_)places": "locations, insertion points, indices",
    r"members": "methods, channels_per_group",
    r"drawn": "generated, plotted",
    r"spread": "broadcast_like, dilation, distribute",
    r"strew\w*": "clutter",
    # No index has a release: its extras cannot be installed by this name.
    r"keras-vision-attention(?=\[)": "the name of the library, or .[extra]",
    r"(normal|initial|optim|quant)is(e|ed|es|ing|ation)": "-ize",
}
ALLOWED = (
    r"multilayer\s+perceptrons?",
    r"rectified\s+linear",
    '"centre"',  # an accepted spelling of a value
)
_WORDS = {
    re.compile(rf"(?<![a-z0-9]){word}(?![a-z0-9])", re.IGNORECASE): instead
    for word, instead in WORDS.items()
}
_ANY = re.compile(
    rf"(?<![a-z0-9])({'|'.join(WORDS)})(?![a-z0-9])", re.IGNORECASE
)
_ALLOWED = re.compile("|".join(ALLOWED), re.IGNORECASE)


def files(folder: Path = ROOT) -> Iterator[Path]:
    """Yield the files to check: those in a folder that are not hidden."""
    for path in sorted(folder.iterdir()):
        name = path.relative_to(ROOT).as_posix()
        if path.name.startswith(".") or name in IGNORED:
            continue
        if path.is_dir():
            yield from files(path)
        elif path.suffix in SUFFIXES:
            yield path


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, word and replacement of each unused word in a text."""
    if not _ANY.search(text):
        return
    text = _ALLOWED.sub(lambda match: re.sub(r"\S", " ", match[0]), text)
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, instead in _WORDS.items():
            for match in pattern.finditer(line):
                yield number, match[0], instead


def report() -> list[str]:
    """Return a line for each unused word in the tree, except in this file."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {word!r}: write {instead}"
        for path in files()
        if path != Path(__file__).resolve() and path.name != "test_words.py"
        for number, word, instead in findings(path.read_text("utf-8"))
    ]


if __name__ == "__main__":
    lines = report()
    print("\n".join(lines))
    sys.exit(bool(lines))
