#!/usr/bin/env bash
# Checks and measures the layers on a machine with one NVIDIA GPU.
#
#     tools/gpu_check.sh prepare      # where there is a network
#     tools/gpu_check.sh --out FOLDER # on the GPU: no network, 8 minutes
#     tools/gpu_check.sh --toy        # the same steps on a CPU, at toy size
#
# `prepare` downloads wheels for Python 3.12 on Linux into `.gpu_wheels`, which
# git ignores. On the GPU, only the packages that are missing there are used.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$(command -v python3 || command -v python)}

if [ "${1:-}" = prepare ]; then
    exec "$python" -m pip download --quiet --dest "$root/.gpu_wheels" \
        --constraint "$root/constraints.txt" \
        --python-version 3.12 --implementation cp --abi cp312 --abi abi3 \
        --abi none --platform manylinux_2_28_x86_64 \
        --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
        --only-binary=:all: --no-deps \
        absl-py attrs h5py hypothesis iniconfig keras markdown-it-py mdurl \
        ml_dtypes namex optree packaging pluggy pygments pytest rich \
        safetensors sortedcontainers typing_extensions
fi
exec "$python" "$root/tools/gpu_check.py" "$@"
