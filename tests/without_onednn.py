"""Runs pytest with TensorFlow as it is on processors without oneDNN.

There it convolves no channels-first maps. The variable counts when TensorFlow
is imported, and may not be set for the other commands of its environment.
"""

import os
import sys

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main())
