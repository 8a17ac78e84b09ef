"""Runs pytest with TensorFlow without oneDNN.

Without oneDNN, TensorFlow cannot convolve channels-first maps on CPUs. The
variable must be set before TensorFlow is imported, and not for the other
commands of the environment.
"""

import os
import sys

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main())
