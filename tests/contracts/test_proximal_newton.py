"""The proximal Newton solver, held against independent solvers of the same problems."""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import pytest
import sklearn
from scipy.special import expit, log_softmax, xlogy
from sklearn.datasets import load_digits
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from maxmargin.solvers.proximal_newton import minimize_proximal_newton

L1 = {"l1_ratio": 1.0} if parse_version(sklearn.__version__) >= parse_version("1.8") else {"penalty": "l1"}


def stationary(flow):
    """theta > 0, largest 1, so that theta_k sum_l flow_kl = sum_l theta_l flow_lk.

    Elimination without a subtraction (Grassmann, Taksar and Heyman): each entry keeps its relative accuracy.
    """
    flow = flow + 1e-30 * flow.max() + np.finfo(float).tiny  # probabilities that underflowed are not zero
    n = len(flow)
    np.fill_diagonal(flow, 0.0)
    for k in range(n - 1, 0, -1):
        flow[:k, k] /= flow[k, :k].sum()
        flow[:k, :k] += np.outer(flow[:k, k], flow[k, :k])
    theta = np.ones(n)
    for k in range(1, n):
        theta[k] = theta[:k] @ flow[:k, k]
        theta[: k + 1] /= max(1.0, theta[k])
    return theta


@dataclass
class SparseMultinomial:
    """|W|_1 + C sum_i s_i cross-entropy(W x_i + b, y_i), as a function of the rows (w_k, b_k) end to end."""

    X: np.ndarray
    y: np.ndarray
    C: float
    sample_weight: np.ndarray

    @classmethod
    def of(cls, X, y, C, sample_weight=None):
        return cls(X, y, C, np.ones(len(y)) if sample_weight is None else sample_weight)

    def __post_init__(self):
        self.truth = np.eye(self.y.max() + 1)[self.y]
        self.ones = np.column_stack([self.X, np.ones(len(self.y))])
        self.weights = np.ones((self.truth.shape[1], self.ones.shape[1]))
        self.weights[:, -1] = 0.0
        self.weights = self.weights.ravel()
        self.strength = self.C * self.sample_weight[:, None]

    def scores(self, x):
        return self.ones @ x.reshape(self.truth.shape[1], -1).T

    def value_and_gradient(self, x):
        logs = log_softmax(self.scores(x), axis=1)
        slopes = self.strength * (np.exp(logs) - self.truth)
        return -float(np.sum(self.strength * self.truth * logs)), (slopes.T @ self.ones).ravel()

    def curvature(self, x):
        q = np.exp(log_softmax(self.scores(x), axis=1))

        def product(v):
            moved = q * self.scores(v)
            moved -= q * moved.sum(axis=1, keepdims=True)
            return ((self.strength * moved).T @ self.ones).ravel()

        return product, ((self.strength * q * (1 - q)).T @ self.ones**2).ravel()

    def dual_value(self, x):
        """Dual objective of the nearest dual variables that are feasible.

        alpha_i = C s_i theta_{y_i} (e_{y_i} - q_i) / tau: theta makes sum_i alpha_i = 0, tau |X' alpha| <= 1.
        """
        q = np.exp(log_softmax(self.scores(x), axis=1))
        wrong = np.where(self.truth > 0, 0.0, q)
        theta = stationary(self.truth.T @ (self.sample_weight[:, None] * wrong))
        wrong *= theta[self.y][:, None]
        alpha = self.strength * (self.truth * wrong.sum(axis=1, keepdims=True) - wrong)
        wrong /= max(1.0, np.max(np.abs(alpha.T @ self.X)))
        missing = wrong.sum(axis=1)
        # Entropy of the row (wrong, 1 - missing); log1p keeps what log(1 - missing) would round away.
        entropy = -xlogy(wrong, wrong).sum(axis=1) - (1 - missing) * np.log1p(-missing)
        return float(self.C * self.sample_weight @ entropy)

    def relative_gap(self, x, value, gradient):  # noqa: ARG002
        primal = value + float(self.weights @ np.abs(x))
        return (primal - self.dual_value(x)) / primal

    def solve(self, start=None, tol=1e-8, **options):
        return minimize_proximal_newton(
            self.value_and_gradient,
            self.curvature,
            np.zeros(len(self.weights)) if start is None else start,
            self.weights,
            certificate=self.relative_gap,
            tol=tol,
            **options,
        )

    def optimum(self):
        """The optimal objective by an interior-point method."""
        coef = cp.Variable((self.truth.shape[1], self.X.shape[1]))
        intercept = cp.Variable((1, self.truth.shape[1]))
        scores = self.X @ coef.T + np.ones((len(self.y), 1)) @ intercept
        losses = cp.log_sum_exp(scores, axis=1) - cp.sum(cp.multiply(self.truth, scores), axis=1)
        problem = cp.Problem(cp.Minimize(cp.sum(cp.abs(coef)) + self.C * self.sample_weight @ losses))
        return problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)


def residual(weights):
    """Length of a proximal gradient step, as a certificate."""

    def certificate(w, value, gradient):  # noqa: ARG001
        ahead = w - gradient
        return np.max(np.abs(w - np.sign(ahead) * np.maximum(np.abs(ahead) - weights, 0)))

    return certificate


def table(rng, n_samples=40, n_features=6, n_classes=3):
    y = np.append(np.arange(n_classes), rng.integers(0, n_classes, n_samples - n_classes))
    X = rng.normal(size=(n_samples, n_features))
    X[:, 0] += y
    return X, y


def plain(rng):
    return table(rng)


def weighted(rng):
    X, y = table(rng)
    return X, y, rng.integers(0, 4, len(y)).astype(float)


def duplicated_columns(rng):
    X, y = table(rng)
    return np.hstack([X, X, -X[:, :2]]), y


def badly_scaled(rng):
    X, y = table(rng)
    return X * np.logspace(-3, 3, X.shape[1]), y


def off_centre(rng):
    X, y = table(rng)
    return X + 20, y


def two_classes(rng):
    return table(rng, n_classes=2)


def one_sample_a_class(rng):
    return table(rng, n_samples=8, n_classes=8)


def more_columns_than_rows(rng):
    return table(rng, n_samples=20, n_features=60)


def separable(rng):
    X, y = table(rng)
    return np.column_stack([X, 3.0 * np.eye(3)[y]]), y


KINDS = [
    plain,
    weighted,
    duplicated_columns,
    badly_scaled,
    off_centre,
    two_classes,
    one_sample_a_class,
    more_columns_than_rows,
    separable,
]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@pytest.mark.parametrize("C", [0.05, 1.0, 30.0])
@each_kind
def test_objective_agrees_with_an_interior_point_method(kind, C, rng):
    X, y, *sample_weight = kind(rng)
    problem = SparseMultinomial.of(X, y, C, *sample_weight)
    solution = problem.solve()
    assert solution.converged
    assert solution.point.certificate <= 1e-8
    # The certificate bounds the distance to the optimum from one side, clarabel finds it from both.
    assert solution.point.objective == pytest.approx(problem.optimum(), rel=1e-7)


@pytest.mark.parametrize("C", [100.0, 1e4])
@each_kind
def test_nearly_unpenalised_problems_converge(kind, C, rng):
    X, y, *sample_weight = kind(rng)
    solution = SparseMultinomial.of(X, y, C, *sample_weight).solve(max_iter=40)
    assert solution.converged
    assert -1e-8 <= solution.point.certificate <= 1e-8


@each_kind
def test_dual_value_never_exceeds_the_optimum(kind, rng):
    X, y, *sample_weight = kind(rng)
    problem = SparseMultinomial.of(X, y, 1.0, *sample_weight)
    optimum = problem.solve(tol=1e-9).point.objective
    for size in (0.0, 1e-3, 0.1, 1.0):
        x = (
            size
            * rng.normal(size=len(problem.weights))
            / np.tile(np.append(np.abs(X).max(0), 1), y.max() + 1)
        )
        assert problem.dual_value(x) <= optimum * (1 + 1e-9)


def test_flow_between_the_classes_is_balanced(rng):
    flow = rng.exponential(size=(6, 6)) * np.logspace(-12, 0, 6)
    np.fill_diagonal(flow, 0.0)
    theta = stationary(flow)
    assert theta.max() == 1
    np.testing.assert_allclose(theta * flow.sum(axis=1), theta @ flow, rtol=1e-12)


@pytest.mark.parametrize("C", [0.01, 0.1, 1.0, 10.0, 100.0])
def test_digits_are_solved_to_eight_digits(C):
    X, y = load_digits(return_X_y=True)
    problem = SparseMultinomial.of(StandardScaler().fit_transform(X), y, C)
    solution = problem.solve(max_iter=30)
    assert solution.converged
    assert solution.point.certificate <= 1e-8


def test_solution_obeys_the_optimality_conditions_with_exact_zeros(rng):
    X, y = table(rng, n_samples=200, n_features=30)
    problem = SparseMultinomial.of(X, y, 0.3)
    point = problem.solve(tol=1e-12).point
    penalised, zero = problem.weights > 0, point.x == 0
    assert 20 < zero.sum() < penalised.sum()
    assert np.all(np.abs(point.gradient[zero]) <= 1 + 1e-6)
    moving = penalised & ~zero
    np.testing.assert_allclose(point.gradient[moving], -np.sign(point.x[moving]), atol=1e-5)
    np.testing.assert_allclose(point.gradient[~penalised], 0, atol=1e-5)


def test_units_of_the_columns_may_be_changed_with_the_weights(rng):
    X, y = table(rng)
    scale = np.tile(np.append(np.logspace(-3, 3, 6), 1.0), 3)
    problem = SparseMultinomial.of(X, y, 1.0)

    def curvature(z):
        product, diagonal = problem.curvature(z / scale)
        return (lambda v: product(v / scale) / scale), diagonal / scale**2

    def value_and_gradient(z):
        value, gradient = problem.value_and_gradient(z / scale)
        return value, gradient / scale

    solution = minimize_proximal_newton(
        value_and_gradient,
        curvature,
        np.zeros(len(scale)),
        problem.weights / scale,
        certificate=lambda z, value, gradient: problem.relative_gap(z / scale, value, gradient * scale),
        tol=1e-10,
    )
    expected = problem.solve(tol=1e-10)
    assert solution.converged
    assert solution.point.objective == pytest.approx(expected.point.objective, rel=1e-9)
    np.testing.assert_array_equal(solution.point.x == 0, expected.point.x == 0)


def test_multinomial_agrees_with_saga(rng):
    X, y = table(rng, n_samples=120, n_features=10)
    problem = SparseMultinomial.of(X, y, 0.5)
    point = problem.solve(tol=1e-12).point
    saga = LogisticRegression(solver="saga", C=0.5, tol=1e-12, max_iter=100000, random_state=0, **L1).fit(
        X, y
    )
    coef = point.x.reshape(3, -1)[:, :-1]
    np.testing.assert_allclose(coef, saga.coef_, atol=1e-5)
    np.testing.assert_array_equal(coef == 0, saga.coef_ == 0)


def test_binary_logistic_without_an_intercept_agrees_with_liblinear(rng):
    X, y = table(rng, n_samples=120, n_features=10, n_classes=2)
    signed = X * np.where(y == 1, 1.0, -1.0)[:, None]

    def curvature(w):
        p = expit(signed @ w)
        return (lambda v: signed.T @ (p * (1 - p) * (signed @ v))), (p * (1 - p)) @ signed**2

    solution = minimize_proximal_newton(
        lambda w: (-np.log(expit(signed @ w)).sum(), -signed.T @ expit(-signed @ w)),
        curvature,
        np.zeros(10),
        np.full(10, 1 / 0.3),
        certificate=residual(1 / 0.3),
        tol=1e-9,
    )
    liblinear = LogisticRegression(
        solver="liblinear", C=0.3, fit_intercept=False, tol=1e-10, max_iter=10000, random_state=0, **L1
    ).fit(X, y)
    assert solution.converged
    np.testing.assert_allclose(solution.point.x, liblinear.coef_[0], atol=1e-6)
    np.testing.assert_array_equal(solution.point.x == 0, liblinear.coef_[0] == 0)


@pytest.fixture
def lasso(rng):
    """Least squares of 60 rows in 100 columns, and how to solve it under any weights."""
    X = rng.normal(size=(60, 100))
    y = X[:, :5] @ np.array([3.0, -2.0, 1.5, 1.0, -1.0]) + rng.normal(size=60)

    def solve(weights, start=None, tol=1e-9, **options):
        return minimize_proximal_newton(
            lambda w: (((X @ w - y) ** 2).sum() / 2, X.T @ (X @ w - y)),
            lambda w: (lambda v: X.T @ (X @ v), (X**2).sum(axis=0)),  # noqa: ARG005
            np.zeros(100) if start is None else start,
            weights,
            certificate=residual(weights),
            tol=tol,
            **options,
        )

    return X, y, solve


@pytest.mark.parametrize("strength", [0.5, 5.0, 50.0])
def test_least_squares_agrees_with_lasso(lasso, strength):
    X, y, solve = lasso
    solution = solve(np.full(100, strength))
    expected = Lasso(alpha=strength / 60, fit_intercept=False, tol=1e-14, max_iter=1000000).fit(X, y).coef_
    assert solution.converged
    np.testing.assert_allclose(solution.point.x, expected, atol=1e-7)
    np.testing.assert_array_equal(solution.point.x == 0, expected == 0)


@pytest.mark.parametrize("seed", range(12))
def test_nearly_parallel_columns_of_unlike_size_are_solved(seed):
    rng = np.random.default_rng(seed)
    n_samples, n_features = rng.integers(2, 30, 2)
    X = rng.normal(size=(n_samples, n_features)) * 10 ** rng.uniform(-1, 1, n_features)
    X += 3 * np.max(np.abs(X)) * rng.normal(size=(n_samples, 1))
    y = rng.normal(size=n_samples)
    weights = np.full(n_features, np.max(np.abs(X.T @ y)) * 10 ** rng.uniform(-4, 0))
    diagonal = (X**2).sum(axis=0)

    def certificate(w, value, gradient):
        """Relative duality gap: the residual, scaled until it is feasible, is dual."""
        error = X @ w - y
        dual = -error / max(1.0, np.max(np.abs(gradient) / weights))
        primal = value + weights @ np.abs(w)
        return (primal - dual @ y + dual @ dual / 2) / primal

    solution = minimize_proximal_newton(
        lambda w: (((X @ w - y) ** 2).sum() / 2, X.T @ (X @ w - y)),
        lambda w: (lambda v: X.T @ (X @ v), diagonal),  # noqa: ARG005
        np.zeros(n_features),
        weights,
        certificate=certificate,
        tol=1e-8,
        max_iter=30,
    )
    assert solution.converged


def test_coordinates_without_weight_are_solved_exactly(lasso):
    X, y, solve = lasso
    weights = np.full(100, 1e6)
    weights[:3] = 0.0
    x = solve(weights).point.x
    np.testing.assert_allclose(x[:3], np.linalg.lstsq(X[:, :3], y, rcond=None)[0], atol=1e-9)
    assert not x[3:].any()


def test_large_weights_leave_nothing_from_any_start(lasso, rng):
    X, y, solve = lasso
    least = np.max(np.abs(X.T @ y))
    assert solve(np.full(100, least)).iterations == 0
    solution = solve(np.full(100, least * 1.001), start=rng.normal(size=100))
    assert solution.converged
    assert not solution.point.x.any()
    assert solve(np.full(100, least * 0.999)).point.x.any()
    assert solve(np.full(100, least), tol=-1.0).status == "stalled"  # nowhere to go from a slope of 0


def test_a_start_far_away_still_converges():
    X, y = load_digits(return_X_y=True)
    problem = SparseMultinomial.of(StandardScaler().fit_transform(X[:300]), y[:300], 1.0)
    start = 10 * np.random.default_rng(0).normal(size=len(problem.weights))
    far, near = problem.solve(start), problem.solve()
    assert far.converged
    assert far.point.objective == pytest.approx(near.point.objective, rel=1e-7)


def test_a_neighbouring_solution_saves_steps(lasso):
    _, _, solve = lasso
    first = solve(np.full(100, 5.0))
    warm = solve(np.full(100, 4.9), start=first.point.x)
    again = solve(np.full(100, 5.0), start=first.point.x)
    assert warm.converged
    assert again.iterations == 0
    np.testing.assert_array_equal(again.point.x, first.point.x)


def test_too_few_iterations_are_a_status(rng):
    problem = SparseMultinomial.of(*table(rng), 10.0)
    solution = problem.solve(max_iter=2)
    assert (solution.status, solution.iterations) == ("max_iter", 2)
    assert not solution.converged
    assert solution.point.certificate > 1e-8
    assert solution.point.objective < problem.value_and_gradient(np.zeros(len(problem.weights)))[0]


def test_a_tolerance_below_rounding_is_a_status(rng):
    problem = SparseMultinomial.of(*table(rng), 1.0)
    solution = problem.solve(tol=-1.0)
    assert solution.status == "stalled"
    assert solution.point.objective == pytest.approx(problem.solve().point.objective, rel=1e-7)


def test_every_iteration_is_reported(rng):
    problem = SparseMultinomial.of(*table(rng), 10.0)
    seen = []
    solution = problem.solve(report=lambda step, value: seen.append((step, value)))
    assert [step for step, _ in seen] == list(range(1, solution.iterations + 1))
    assert seen[-1][1] == solution.point.objective
    values = [value for _, value in seen]
    assert values == sorted(values, reverse=True)
