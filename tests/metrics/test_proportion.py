import numpy as np
import pytest
from scipy.stats import binomtest

from maxmargin._checks import InputError
from maxmargin.metrics import wilson_interval


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 30), (37, 38), (38, 38), (9000, 10_000)])
def test_it_is_that_of_scipy(successes, n, level):
    expected = binomtest(successes, n).proportion_ci(level, method="wilson")
    np.testing.assert_allclose(wilson_interval(successes, n, level), expected, atol=1e-12)
    assert wilson_interval(successes, n, level)[0] >= 0
    assert wilson_interval(successes, n, level)[1] <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((1, 0), "1 of 0 samples is no share"), ((5, 4), "5 of 4 samples"), ((1, 2, 1.0), "level is 1.0")],
)
def test_what_is_no_share_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        wilson_interval(*arguments)
