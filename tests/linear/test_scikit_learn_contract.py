import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from maxmargin import linear
from tests.linear import classifiers

ESTIMATORS = [getattr(linear, name)() for name in classifiers.NAMES]
# With ``probability`` a row of weight 2 lies in one fold where the row twice may lie in two: no check of
# weights against repeated rows can hold, so these are tested by themselves.
VARIANTS = [
    linear.OneVsRestSVC(loss="hinge"),
    linear.OneVsOneSVC(loss="hinge"),
    linear.TopKSVC(variant="alpha"),
    linear.M3SVC(p=2),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS + VARIANTS)
def test_estimator_follows_scikit_learn(estimator, check):
    check(estimator)
