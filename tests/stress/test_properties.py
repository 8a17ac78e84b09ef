"""All properties of all generated cases.

By default few cases are generated, the same in each run. `STRESS=40` generates
40 for each pair, different in each run: `--hypothesis-seed` repeats a run.
"""

import os

import hypothesis
import keras
import pytest
from hypothesis import strategies as st

from autodiff import BACKEND
from stress.properties import PROPERTIES
from stress.strategies import NARROW
from stress.strategies import STRATEGIES
from stress.strategies import WIDE

EXAMPLES = int(os.environ.get("STRESS", "0"))
# JAX compiles for each shape and precision, so it has few cases by default. The
# contract covers the rest.
FEW = BACKEND == "jax" and not EXAMPLES
SIZES = NARROW if FEW else WIDE
CHECKS = [
    check
    for check in PROPERTIES
    if not FEW
    or check
    in (
        "values_equal_the_reference",
        "nan_stays_in_its_sample",
        "empty_batch_is_empty_or_raises",
    )
]


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("check", CHECKS)
def test_property(check, name, record_property):
    generated = 0

    @hypothesis.settings(
        max_examples=EXAMPLES or (2 if BACKEND == "torch" else 1),
        deadline=None,
        derandomize=not EXAMPLES,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
        print_blob=False,
    )
    @hypothesis.given(st.data())
    def hold(data):
        nonlocal generated
        generated += 1
        try:
            PROPERTIES[check](data.draw(STRATEGIES[name](SIZES), label=name))
        except ValueError as error:
            if "must fit into the map" not in str(error):
                raise  # windows may be too large
        keras.utils.clear_session(free_memory=False)

    hold()
    record_property("generated", generated)
