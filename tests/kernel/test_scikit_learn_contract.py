import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from maxmargin.kernel import KernelSVC

# Without "sigmoid": it is indefinite, so equal problems may end at different stationary points.
ESTIMATORS = [
    KernelSVC(),
    KernelSVC(kernel="linear", strategy="ovr"),
    KernelSVC(kernel="poly", coef0=1.0, max_iter=10_000),
    KernelSVC(kernel="precomputed"),
    KernelSVC(strategy="ovr", cache_size=5e-3, tol=1e-10),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS)
def test_estimator_follows_scikit_learn(estimator, check):
    check(estimator)
