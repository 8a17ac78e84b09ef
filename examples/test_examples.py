"""The examples as commands, with short trainings."""

import gzip
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).parent
BACKENDS = ("jax", "tensorflow", "torch")
# For an example that does on each the same as `digits.py`, which runs on all.
THOROUGH = os.environ.get("TESTS") == "all"
ONE_BACKEND = BACKENDS if THOROUGH else ("torch",)


def of_few(cases):
    """Return the cases whose backend compiles least, or all of them."""
    return [case for case in cases if case[0] in ONE_BACKEND]


TOY = ("--epochs", "1", "--seeds", "1")

# Makes some modules as good as not installed, and examples importable.
HIDING = """
import importlib.util, runpy, sys
folder, hidden = sys.argv[1], sys.argv[2].split(",")
find_spec = importlib.util.find_spec
importlib.util.find_spec = (
    lambda name, *args: None if name in hidden else find_spec(name, *args)
)
sys.path.insert(0, folder)
sys.argv = [folder + "/digits.py"]
"""
RUN = "runpy.run_path(sys.argv[0], run_name='__main__')"
CHOOSE = "import _support; print(_support.choose_backend())"


def python(*arguments, backend=None, **environment):
    """Run Python, on this backend or with `KERAS_BACKEND` not set."""
    inherited = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    if backend is not None:
        environment["KERAS_BACKEND"] = backend
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**inherited, **environment, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def example(name, *options, **environment):
    return python(EXAMPLES / f"{name}.py", *options, **environment)


def digits(*options, **environment):
    return example("digits", *options, **environment)


def without(hidden, code, **environment):
    arguments = ("-c", HIDING + code, EXAMPLES, ",".join(hidden))
    return python(*arguments, **environment)


def check_run(result, folder, attention, images="2,068"):
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"test accuracy: \d\.\d\d", lines[-1])
    table = [line for line in lines if line[:1] == "|"]
    assert len({len(line) for line in table}) == 1
    number = r"\d+\.\d\d( ± \d+\.\d\d)?"
    for line, name in zip(table[2:], ("plain", attention), strict=True):
        cells = rf"\| {name} +\| +{number} \|( +[\d,]+ \|){{2}} +{number} \|"
        assert re.fullmatch(cells, line)
    change = r"\d+ % (more|fewer)"
    sentence = f"{attention}: {change} errors than plain, with {change} para"
    assert re.search(sentence, result.stdout)
    same = f"fresh process: predictions identical ({images} images)"
    assert same in result.stdout
    assert "\b" not in result.stdout  # a live bar is for terminals
    check_model(folder / f"digits_{attention}.keras")
    check_picture(folder / f"digits_{attention}.png", 20_000)


def check_comparison(result, rows, picture):
    """Check a table with a row for each, as Markdown, and the picture."""
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = [line for line in result.stdout.splitlines() if line[:1] == "|"]
    assert len({len(line) for line in lines}) == 1
    assert [line.split("|")[1].strip() for line in lines[2:]] == rows
    number = r"\d+\.\d\d( ± \d+\.\d\d)?"
    for line in lines[2:]:
        cells = rf"\| [\w ]+\|( +({number}|\d+,\d{{3}}) \|){{3,}}"
        assert re.fullmatch(cells, line)
    assert result.stdout.splitlines()[-1] == f"picture: {picture}"
    check_picture(picture, 10_000)


def check_model(path):
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    modules = [layer["module"] for layer in config["config"]["layers"]]
    assert sum(m.startswith("keras_attention.") for m in modules) == 1


def check_picture(path, least):
    picture = path.read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert least < len(picture) < 600_000
    width, height = struct.unpack(">II", picture[16:24])
    assert 1000 <= width <= 1400
    assert 150 <= height <= 1000


@pytest.mark.parametrize(
    ("backend", "attention"),
    [("jax", "transformer"), ("tensorflow", "sge"), ("torch", "cbam")],
)
def test_runs_on_every_backend(backend, attention, tmp_path):
    folder = tmp_path / "made" / "for me"
    options = () if attention == "transformer" else ("--attention", attention)
    # The first backend is that of a newcomer, who has not asked for any.
    asked = {"KERAS_HOME": str(tmp_path / "empty")}
    if backend != BACKENDS[0]:
        asked = {"backend": backend}
    toy = (*TOY, "--train", "64")
    result = digits(*toy, *options, "--output", folder, **asked)
    check_run(result, folder, attention)
    assert f"Backend: {backend}\n" in result.stdout


@pytest.mark.parametrize("attention", ["transformer", "se", "gct"])
def test_several_seeds(attention, tmp_path, in_turn):
    options = ("--epochs", "1", "--seeds", "2", "--first-seed", "3")
    result = in_turn(
        "digits",
        *(*options, "--train", "64", "--attention", attention),
        *("--output", tmp_path),
    )
    check_run(result, tmp_path, attention)
    assert len(re.findall(r"\d ± \d", result.stdout)) == 4
    assert "over 2 seeds" in result.stdout
    assert re.search(r"means differ by \d+\.\d\d percentage", result.stdout)
    assert re.findall(r"seed (\d):", result.stdout) == ["3", "3", "4", "4"]


def test_fashion_mnist(tmp_path):
    """Files with a few images, where Keras saves those it downloads."""
    folder = tmp_path / "home" / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for part, count in (("train", 64), ("t10k", 20)):
        labels = bytes(i % 10 for i in range(count))
        images = bytes(i % 251 for i in range(count * 28 * 28))
        for name, header, values in (
            ("labels-idx1", 8, labels),
            ("images-idx3", 16, images),
        ):
            path = folder / f"{part}-{name}-ubyte.gz"
            path.write_bytes(gzip.compress(bytes(header) + values))
    result = digits(
        *(*TOY, "--data", "fashion_mnist", "--output", tmp_path),
        backend="torch",
        KERAS_HOME=str(tmp_path / "home"),
    )
    check_run(result, tmp_path, "transformer", images="80")


@pytest.mark.parametrize(
    ("backend", "options"),
    of_few(
        [
            ("jax", ()),
            ("tensorflow", ("--validate",)),
            ("torch", ("--transform", "attention", "--seeds", "2")),
        ]
    ),
)
def test_spatial_transformer(backend, options, tmp_path, in_turn):
    toy = ("--epochs", "1", "--seeds", "1", "--train", "32")
    result = in_turn(
        "spatial_transformer",
        *(*toy, *options, "--output", tmp_path),
        backend=backend,
    )
    picture = tmp_path / "spatial_transformer.png"
    check_comparison(result, ["plain", "transformer"], picture)
    images = "1,024" if "--validate" in options else "2,068"
    assert f"{images} test images" in result.stdout
    assert f"Backend: {backend}\n" in result.stdout


@pytest.mark.parametrize("backend", ONE_BACKEND)
def test_deformable(backend, tmp_path, in_turn):
    options = ("--epochs", "1", "--seeds", "1", "--train", "32", "--validate")
    result = in_turn(
        "deformable", *options, "--output", tmp_path, backend=backend
    )
    rows = ["Conv2D", "ConvOffset2D", "DeformableConv2D v1", "v2"]
    check_comparison(result, rows, tmp_path / "deformable.png")
    assert "three sizes: 11, 19, 30 pixels." in result.stdout


@pytest.mark.parametrize("backend", ONE_BACKEND)
def test_noisy_labels(backend, tmp_path, in_turn):
    options = ("--epochs", "1", "--seeds", "1", "--train", "64")
    result = in_turn(
        "noisy_labels", *options, "--output", tmp_path, backend=backend
    )
    rows = ["trunk", "naive", "residual"]
    check_comparison(result, rows, tmp_path / "noisy_labels.png")
    assert re.findall(r"residual, (\d+) % wrong", result.stdout) == [
        "0",
        "30",
        "50",
    ]


def test_wrong_labels():
    code = (
        "import numpy as np; from noisy_labels import corrupt;"
        "labels = np.arange(1000) % 7;"
        "few, many = (corrupt(labels, 7, x, seed=1) for x in (0.3, 0.5));"
        "assert set(many) == set(range(7));"
        "assert (many != labels)[few != labels].all();"
        "print([(x != labels).sum().item() for x in (few, many)])"
    )
    result = python("-c", code, backend="torch", PYTHONPATH=str(EXAMPLES))
    assert result.stdout == "[300, 500]\n", result.stderr


@pytest.mark.parametrize(
    ("backend", "variants"),
    of_few(
        [
            ("jax", ["AttentionalFeatureFusion"]),
            ("tensorflow", ["Add", "GatedChannelTransform"]),
            ("torch", []),
        ]
    ),
)
def test_fusion(backend, variants, tmp_path, in_turn):
    options = ("--epochs", "1", "--seeds", "1", "--train", "32", "--validate")
    only = ("--only", *variants) if variants else ()
    result = in_turn(
        "fusion", *(*options, *only, "--output", tmp_path), backend=backend
    )
    rows = variants or [
        "Add",
        "AttentionalFeatureFusion",
        "IterativeAttentionalFeatureFusion",
        "SelectiveKernel",
        "GatedChannelTransform",
        "ResidualAttention",
    ]
    check_comparison(result, rows, tmp_path / "fusion.png")


@pytest.mark.parametrize(
    ("backend", "options", "rows"),
    of_few(
        [
            ("jax", ("--plain", "--random", "2"), ["2", "2 random"]),
            ("tensorflow", ("--random", "1"), ["2", "1 random"]),
            ("torch", ("--glimpses", "3", "2"), ["3", "2", "8 random"]),
        ]
    ),
)
def test_recurrent_attention(backend, options, rows, tmp_path, in_turn):
    toy = ("--epochs", "1", "--seeds", "1", "--train", "64", "--validate")
    result = in_turn(
        "recurrent_attention",
        *(*toy, "--glimpses", "2", *options, "--output", tmp_path),
        backend=backend,
    )
    check_comparison(result, rows, tmp_path / "recurrent_attention.png")


@pytest.mark.parametrize(
    ("backend", "layers"),
    of_few(
        [
            ("jax", ["se", "gct"]),
            ("tensorflow", ["aff", "cbam"]),
            ("torch", ["sk", "AttentionGate", "aff", "cbam"]),
        ]
    ),
)
def test_every_layer(backend, layers, tmp_path, in_turn):
    (tmp_path / "gated_channel_transform.png").touch()
    (tmp_path / "cbam.png").touch()
    toy = ("--epochs", "1", "--pretrain", "1", "--train", "64", "--validate")
    result = in_turn(
        "every_layer",
        *(*toy, "--layers", *layers, "--output", tmp_path),
        backend=backend,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    names = {
        "aff": "AttentionalFeatureFusion",
        "AttentionGate": "AttentionGate",
        "se": "SqueezeExcite",
        "sk": "SelectiveKernel",
    }
    for layer in layers:
        # A picture that is there already is not plotted again.
        assert (f"| {names.get(layer)} " in result.stdout) == (layer in names)
    pictures = [p for p in tmp_path.iterdir() if p.stat().st_size]
    assert len(pictures) == len(names.keys() & layers)
    for picture in pictures:
        assert 5_000 < picture.stat().st_size < 60_000


@pytest.mark.parametrize("backend", ONE_BACKEND)
def test_attention_maps(backend, tmp_path, in_turn):
    result = in_turn(
        "attention_maps", "--epochs", "1", "--output", tmp_path, backend=backend
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert f" on {backend}\n" in result.stdout
    number = r"-?\d\.\d\d\d?"
    for stage in (1, 2):
        pattern = (
            f"^stage{stage}_cbam: weight {number} on ink, {number} elsewhere; "
            f"correlation with Grad-CAM {number}; gates differ by {number} "
            "between classes$"
        )
        assert re.search(pattern, result.stdout, re.M)
        pattern = f"^stage{stage}_sk: weights of the paths {number}, {number}$"
        assert re.search(pattern, result.stdout, re.M)
    for name in ("positions", "branches"):
        picture = tmp_path / f"attention_maps_{name}.png"
        assert f"picture: {picture}\n" in result.stdout
        assert picture.stat().st_size > 10_000
    (picture,) = (tmp_path / "training").glob("*.png")
    assert picture.name == "epoch_0001.png"


@pytest.mark.parametrize("backend", ONE_BACKEND)
def test_attention_maps_of_a_folder(backend, tmp_path, in_turn):
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "owl"):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for i in range(6):
            pixels = rng.integers(0, 255, (30, 40, 3), "uint8")
            Image.fromarray(pixels).save(folder / f"{i}.png")
    result = in_turn(
        "attention_maps",
        *("--epochs", "1", "--images", tmp_path / "images", "--size", "35"),
        *("--output", tmp_path / "made"),
        backend=backend,
    )
    assert result.returncode == 0, result.stderr
    picture = tmp_path / "made" / "attention_maps_positions.png"
    assert picture.stat().st_size > 10_000


TOP = """\
| class | score |
|---|---|
| 359 | 0.0101 |
| 335 | 0.0087 |
| 297 | 0.0076 |
| 313 | 0.0073 |
| 911 | 0.0070 |
"""


@pytest.mark.parametrize("backend", ONE_BACKEND)
def test_published_weights(backend, in_turn):
    result = in_turn("published_weights", "CBAMResNet18", backend=backend)
    assert result.returncode == 0, result.stderr
    title = f"CBAMResNet18 with CBAMResNet18.npz on {backend}"
    assert result.stdout == f"{title}\n\n{TOP}"


def test_published_weights_of_an_image(tmp_path):
    """The file is that of the example; the image is not square."""
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (90, 60), "gray").save(tmp_path / "gray.png")
    code = (
        "import published_weights as it; print(it.make_file(*it.sys.argv[1:]))"
    )
    options = ("-c", code, "SEResNet18", tmp_path)
    made = python(*options, backend="torch", PYTHONPATH=str(EXAMPLES))
    assert made.returncode == 0, made.stderr
    options = ("SEResNet18", made.stdout.strip(), tmp_path / "gray.png")
    result = example("published_weights", *options, KERAS_BACKEND="torch")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("SEResNet18 with SEResNet18.npz on torch\n")
    assert result.stdout.count("| 0.") == 5


# With random weights, what each system prints on every backend.
SYSTEMS = {
    "ram": (
        "RecurrentAttention with random weights on ",
        "scores of the first: 0.0026 0.0559 0.0006 0.0030 0.9356 0.0016 ",
    ),
    "aliked": (
        "DeformableConv2D with random weights on ",
        "| block3 | 8 x 8 x 32 | -0.0479 | not compared |",
        "block4_conv1: offsets of 0.36 pixels on average, 47.22 % at the limit",
    ),
    "non_local": (
        "NonLocal with random weights on ",
        "| logits | 4.0938 | ",
        "| attention 1 | 0.0851 | ",
        "| attention 2 | 0.5677 | ",
    ),
    "squeeze_excite": (
        "SqueezeExcite with random weights on ",
        "| conv2_se_ | 16 → 4 | 0.2000 | 0.5102 | ",
    ),
}


@pytest.mark.parametrize("backend", ONE_BACKEND)
@pytest.mark.parametrize("system", SYSTEMS)
def test_published_weights_of_a_system(system, backend, tmp_path, in_turn):
    result = in_turn(
        "published_weights", system, "--output", tmp_path, backend=backend
    )
    assert result.returncode == 0, result.stderr
    for text in SYSTEMS[system]:
        assert text in result.stdout
    differences = re.findall(r"\d\.\de[-+]\d\d", result.stdout)
    assert all(float(number) < 1e-5 for number in differences)
    check_picture(tmp_path / f"published_{system}.png", 10_000)


def test_published_weights_trains_on_the_other_digits(tmp_path, in_turn):
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "digits.npz",
        x=rng.integers(0, 256, (40, 28, 28), "uint8"),
        y=rng.integers(0, 10, 40),
    )
    options = ("--digits", tmp_path / "digits.npz", "--count", "20")
    options = (*options, "--train", "1", "--output", tmp_path)
    result = in_turn("published_weights", "ram", *options)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("| trained here, ") == 3
    assert "trained here: 1 epochs of 20 other digits" in result.stdout


@pytest.mark.parametrize("backend", ONE_BACKEND)
def test_upgrade_pretrained(backend, tmp_path, in_turn):
    toy = ("--epochs", "2", "--seeds", "1", "--train", "160", "--few", "2")
    result = in_turn(
        "upgrade_pretrained", *toy, "--output", tmp_path, backend=backend
    )
    picture = tmp_path / "upgrade_pretrained.png"
    check_comparison(result, ["plain", "SqueezeExcite", "CBAM"], picture)
    assert re.search(r"error on 0 to 4: \d+\.\d\d %, saved as", result.stdout)
    differences = re.findall(r"differ by at most (\S+) on", result.stdout)
    assert len(differences) == 2
    assert all(float(number) < 1e-5 for number in differences)


@pytest.mark.parametrize(
    ("configured", "hidden", "chosen"),
    [
        (None, [], "jax"),
        (None, ["jax"], "tensorflow"),
        (None, ["jax", "tensorflow"], "torch"),
        ("torch", [], "torch"),
        ("torch", ["torch"], "jax"),
        ("numpy", [], "jax"),
    ],
)
def test_picks_an_installed_backend(configured, hidden, chosen, tmp_path):
    if configured:
        config = json.dumps({"backend": configured})
        (tmp_path / "keras.json").write_text(config, "utf-8")
    result = without(hidden, CHOOSE, KERAS_HOME=str(tmp_path))
    assert result.stdout.strip() == chosen, result.stderr


INTEGER = "must be a positive integer. Received: "
PATCHES = "argument --patches: "
INVALID_OPTIONS = [
    ("digits", ["--attention=vision"], "--attention: invalid choice: 'vision'"),
    ("digits", ["--epochs=0"], f"argument --epochs: {INTEGER}0"),
    ("digits", ["--seeds=-1"], f"argument --seeds: {INTEGER}-1"),
    ("digits", [f"--output={__file__}"], "cannot be made a folder (File"),
    ("spatial_transformer", ["--transform=zoom"], "invalid choice: 'zoom"),
    ("fusion", ["--only=Sum"], "argument --only: invalid choice: 'Sum'"),
    ("segmentation", ["--only=unet"], "argument --only: invalid choice: 'unet"),
    ("recurrent_attention", ["--glimpses=0"], f"--glimpses: {INTEGER}0"),
    ("upgrade_pretrained", ["--few=0"], f"argument --few: {INTEGER}0"),
    ("dynamic_capacity", ["--patches=0"], f"{PATCHES}{INTEGER}0"),
    (
        "dynamic_capacity",
        ["--patches=101"],
        f"{PATCHES}must be at most the number of positions, 100. Received: 101",
    ),
    ("dynamic_capacity", ["--data=svhn"], "invalid choice: 'svhn'"),
    ("compare", ["--attention=vit"], "vit: `name` must be the name of an"),
    ("compare", ["--attention", "none", "ag"], "ag cannot be inserted"),
    ("compare", ["--attention=se:4"], "must be given by their names"),
    ("digits", ["--first-seed=-1"], "from 0 to 2147483647. Received: -1"),
    ("compare", ["--data=cifar"], "invalid choice: 'cifar'"),
    ("compare", ["--images=absent"], "must be a folder. Received: absent"),
    ("compare", ["--test-share=1"], "between 0 and 1. Received: 1"),
    ("every_layer", ["--layers=vit"], "--layers: `name` must be the name of"),
    ("every_layer", ["--layers=IdentityStart"], "no attention weights of its"),
    (
        "every_layer",
        ["--layers", "se", "SpatialTransformer"],
        "is plotted by examples/spatial_transformer.py",
    ),
    ("published_weights", ["ResNet50"], "argument MODEL: invalid choice"),
    (
        "published_weights",
        ["SKNet50", "--variant", "timm"],
        "unexpected keyword argument",
    ),
    ("published_weights", ["ram", "absent.pth"], "No such file"),
    ("published_weights", ["SEResNet18", "absent.npz"], "No such file"),
    ("published_weights", ["SEResNet18", "absent.h5"], "must end in .npz"),
]


@pytest.mark.parametrize(("name", "options", "message"), INVALID_OPTIONS)
def test_invalid_options_raise(name, options, message, in_turn):
    result = in_turn(name, *options)
    assert result.returncode == 2
    assert f"{name}.py: error: " in result.stderr
    assert message in result.stderr


@pytest.mark.parametrize(
    ("backend", "hidden", "message"),
    [
        ("numpy", [], "must be jax, tensorflow or torch. Received: KERAS"),
        ("torch", ["torch"], "pip install torch"),
        (None, BACKENDS, "pip install jax"),
        ("jax", ["sklearn"], "pip install scikit-learn"),
    ],
)
def test_missing_packages_are_named(backend, hidden, message):
    result = without(hidden, RUN, backend=backend)
    assert result.returncode == 2
    assert result.stderr.startswith("digits.py: error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("backend", "strategy"),
    [
        ("jax", "model"),
        *((backend, "data") for backend in BACKENDS if THOROUGH),
    ],
)
def test_several_devices(backend, strategy):
    result = example(
        "several_devices",
        *("--epochs", "4", "--strategy", strategy),
        KERAS_BACKEND=backend,
    )
    assert result.returncode == 0, result.stderr
    devices = 8 if backend == "jax" else 2
    first, last = result.stdout.splitlines()[-2:]
    assert first.startswith(f"{backend}, {devices} devices, {strategy}: ")
    assert float(last.removeprefix("test accuracy: ")) > 0.3
