import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from maxmargin import linear

ESTIMATORS = [getattr(linear, name)() for name in linear.__all__]
VARIANTS = [
    linear.OneVsRestSVC(loss="hinge"),
    linear.OneVsOneSVC(loss="hinge"),
    linear.TopKSVC(variant="alpha"),
    linear.M3SVC(p=2),
    linear.CrammerSingerSVC(fit_intercept=False),
    linear.OneVsRestSVC(probability="temperature"),
    linear.OneVsRestSVC(probability="coupling"),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS + VARIANTS)
def test_estimator_follows_scikit_learn(estimator, check):
    check(estimator)
