import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from maxmargin import linear

ESTIMATORS = [getattr(linear, name)() for name in linear.__all__]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS)
def test_estimator_follows_scikit_learn(estimator, check):
    check(estimator)
