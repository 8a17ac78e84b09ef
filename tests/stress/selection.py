"""Generation of the cases of each property-based test.

By default few cases are generated, the same in each run. `STRESS=40` generates
40 for each pair, different in each run: `--hypothesis-seed` repeats a run.
"""

import os

import hypothesis
import keras
import pytest
from hypothesis import strategies as st

from autodiff import BACKEND
from stress.strategies import NARROW
from stress.strategies import STRATEGIES
from stress.strategies import WIDE

EXAMPLES = int(os.environ.get("STRESS", "0"))
# JAX compiles for each shape and precision, so it has few cases by default. The
# contract covers the rest.
FEW = BACKEND == "jax" and not EXAMPLES
SIZES = NARROW if FEW else WIDE

not_by_default_on_jax = pytest.mark.skipif(
    FEW, reason="JAX compiles for each shape: run it with STRESS=1"
)


def for_generated_cases(test):
    """Parametrize a test over all strategies, and run it on their cases.

    The test may skip cases. It is skipped itself if it has skipped all.
    """

    @pytest.mark.parametrize("name", STRATEGIES)
    def run(name, record_property):
        results = []

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
            results.append(result_of(test, data, name))
            keras.utils.clear_session(free_memory=False)

        hold()
        record_property("generated", len(results))
        if all(results):
            pytest.skip(results[0])

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


def result_of(test, data, name):
    """Return why the test skips a generated case, or `None`."""
    try:
        test(data.draw(STRATEGIES[name](SIZES), label=name))
    except pytest.skip.Exception as skipped:
        return skipped.msg
    except ValueError as error:
        if "must fit into the map" not in str(error):
            raise
        return "the window is larger than the map"
    return None
