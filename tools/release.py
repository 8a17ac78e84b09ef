"""Installs the wheel in an empty environment of each backend, and uses it.

`python tools/release.py FOLDER` takes the wheel in a folder, which
`tox run -e release` has built. For each backend it makes an environment with
nothing but pip, installs the wheel with the extra of the backend, and runs the
code of the README there. Exits with 1 if a backend fails.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BACKENDS = ("jax", "tensorflow", "torch")

sys.path.insert(0, str(ROOT / "tests"))

import pages  # noqa: E402 (it is in the folder above)

INSTALLED = (
    "import importlib.metadata as metadata, pathlib, keras_attention; "
    "print(metadata.version('keras-vision-attention'), "
    "pathlib.Path(keras_attention.__file__).parent)"
)


def check(wheel: Path, backend: str) -> bool:
    """Return whether the README runs on a backend with the wheel alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "environment", with_pip=True)
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        python = folder / "environment" / scripts / "python"
        # pip reads the constraints of tox from PIP_CONSTRAINT.
        pip = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
        requirement = f"{wheel}[{backend}]"
        subprocess.run([*pip, requirement], check=True)
        work = folder / "work"
        work.mkdir()
        done = pages.run(work, backend, "README.md", python=python)
        if done.returncode:
            print(f"{backend}: failed\n{done.stderr[-4000:]}")
            return False
        installed = subprocess.run(
            [python, "-P", "-c", INSTALLED],
            cwd=work,
            env={"KERAS_BACKEND": backend, "KERAS_HOME": str(work)},
            capture_output=True,
            text=True,
            check=True,
        )
        version, path = installed.stdout.split()[-2:]
        assert Path(path).is_relative_to(folder), path
        print(f"{backend}: the README runs with version {version}", flush=True)
        return True


if __name__ == "__main__":
    (wheel,) = Path(sys.argv[1]).resolve().glob("*.whl")
    results = [check(wheel, backend) for backend in BACKENDS]
    sys.exit(not all(results))
