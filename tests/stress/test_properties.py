"""All properties of all that can be drawn.

By default few are drawn, the same each time. `STRESS=40` draws as many for each
pair, and other ones each time: `--hypothesis-seed` repeats a run.
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
# JAX compiles for each shape and precision: by default it is given few, and the
# contract has the rest.
FEW = BACKEND == "jax" and not EXAMPLES
SIZES = NARROW if FEW else WIDE
CHECKS = [
    check
    for check in PROPERTIES
    if not FEW
    or check
    in (
        "values_are_the_reference",
        "nan_stays_in_its_sample",
        "an_empty_batch_is_empty_or_told",
    )
]


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("check", CHECKS)
def test_property(check, name, record_property):
    drawn = 0

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
        nonlocal drawn
        drawn += 1
        try:
            PROPERTIES[check](data.draw(STRATEGIES[name](SIZES), label=name))
        except ValueError as error:
            if "must fit into the map" not in str(error):
                raise  # what is too large may be drawn, and is told
        keras.utils.clear_session(free_memory=False)

    hold()
    record_property("drawn", drawn)
