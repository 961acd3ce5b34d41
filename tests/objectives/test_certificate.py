"""A certificate is a proof: its dual value is below the optimum wherever it is taken."""

from itertools import product

import numpy as np
import pytest

from maxmargin.losses import (
    CrammerSinger,
    Hinge,
    OneVsRest,
    SmoothHinge,
    SoftmaxCrossEntropy,
    SquaredHinge,
    TopK,
    WestonWatkins,
)
from maxmargin.objectives import Certificate, Coordinates, LinearObjective, RowBlocks, certify, minimise
from maxmargin.penalties import BredensteinerBennett, Frobenius, PairwiseMargin

LOSSES = [
    SoftmaxCrossEntropy(),
    OneVsRest(Hinge()),
    OneVsRest(SquaredHinge()),
    WestonWatkins(),
    WestonWatkins(SmoothHinge(0.3)),
    CrammerSinger(),
    TopK(2, "alpha"),
    TopK(3, "beta"),
]
COUPLED = [loss for loss in LOSSES if not loss.is_separable]
PROBLEMS = [(loss, Frobenius(), epsilon) for loss in LOSSES for epsilon in (0.0, 0.05)]
PROBLEMS += [
    (loss, penalty, epsilon)
    for loss, penalty in product(COUPLED, [BredensteinerBennett(), *map(PairwiseMargin, (1.5, 2, 4))])
    for epsilon in (0.0, 0.05)
    if epsilon or not isinstance(penalty, PairwiseMargin)
    if penalty == PairwiseMargin(2) or not (loss.is_polyhedral and isinstance(penalty, PairwiseMargin))
]
each_problem = pytest.mark.parametrize(("loss", "penalty", "epsilon"), PROBLEMS, ids=str)
each_intercept = pytest.mark.parametrize("fit_intercept", [True, False])


@pytest.fixture
def rows():
    rng = np.random.default_rng(11)
    target = np.arange(40) % 4
    X = rng.normal(size=(40, 3)) * [1, 5, 0.2] + [0, 3, 0] + np.eye(4, 3)[target]
    return RowBlocks.of(X, target, rng.choice([0, 0.5, 1, 2], size=40))


def problem_of(rows, loss, penalty, epsilon, fit_intercept):
    coordinates = Coordinates.of(rows, 0.8, 4, fit_intercept=fit_intercept)
    return LinearObjective(rows, loss, penalty, 0.8, coordinates, epsilon)


def optimum_of(problem):
    start = np.zeros(problem.coordinates.size)
    return minimise(problem, start, tol=1e-8, max_iter=2000).certificate


@each_problem
@each_intercept
def test_dual_is_below_the_optimum_at_any_point(loss, penalty, epsilon, fit_intercept, rows, rng):
    problem = problem_of(rows, loss, penalty, epsilon, fit_intercept)
    best = optimum_of(problem)
    assert best.value <= 1e-8
    for scale in (0.0, 0.01, 0.3, 1.0, 10.0):
        certificate = certify(problem.at(scale * rng.normal(size=problem.coordinates.size)), 1.0)
        assert certificate.dual <= best.primal * (1 + 1e-8)
        assert certificate.primal >= best.dual
        assert certificate.value >= -1e-12


@pytest.mark.parametrize(
    ("loss", "penalty", "epsilon"), [problem for problem in PROBLEMS if problem[0].is_polyhedral], ids=str
)
@each_intercept
def test_dual_of_a_multiplier_step_is_below_the_optimum(loss, penalty, epsilon, fit_intercept, rows, rng):
    problem = problem_of(rows, loss, penalty, epsilon, fit_intercept)
    best = optimum_of(problem)
    for width in (0.01, 1.0):
        duals = [loss.project(rng.normal(size=(len(block.target), 4)), block.target) for block in rows.blocks]
        point = problem.proximal(width, duals).at(0.3 * rng.normal(size=problem.coordinates.size))
        certificate = certify(point, 1.0)
        assert certificate.dual <= best.primal * (1 + 1e-8)
        # The primal is that of the exact problem, not of its smoothing.
        assert certificate.primal == pytest.approx(problem.at(point.vector).value, rel=1e-10)


@each_intercept
def test_where_no_dual_is_known_the_gradient_counts(fit_intercept, rows):
    problem = problem_of(rows, SoftmaxCrossEntropy(), PairwiseMargin(1), 1e-3, fit_intercept)
    start = problem.at(np.zeros(problem.coordinates.size))
    reference = np.abs(start.gradient).max()
    assert certify(start, reference).value == pytest.approx(1)
    assert certify(start, reference).dual is None
    assert certify(start, reference).as_dict().keys() == {"primal", "relative_gradient"}
    minimum = minimise(problem, start.vector, tol=1e-8, max_iter=100)
    assert np.abs(problem.at(minimum.vector).gradient).max() <= 1e-8 * reference
    assert minimum.status == "converged"


def test_a_sum_of_certificates_certifies_the_sum():
    whole = Certificate.of_sum([Certificate(10.0, 9.0, 0.1), Certificate(30.0, 30.0, 0.0)])
    assert whole.as_dict() == {"primal": 40.0, "dual": 39.0, "relative_gap": 1 / 40}


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_minimise_ends_in_a_status(loss, rows):
    problem = problem_of(rows, loss, Frobenius(), 0.0, True)
    start = np.zeros(problem.coordinates.size)
    steps = []
    few = minimise(
        problem, start, tol=1e-9, max_iter=2, report=lambda step, value: steps.append((step, value))
    )
    assert (few.status, few.iterations) == ("max_iter", 2)
    assert few.certificate.value > 1e-9
    assert [step for step, _ in steps] == [1, 2]
    assert few.certificate.primal == pytest.approx(problem.at(few.vector).value, rel=1e-10)
    whole = minimise(problem, start, tol=1e-7, max_iter=1000)
    assert whole.status == "converged"
    assert whole.certificate.value <= 1e-7
    again = minimise(problem, whole.vector, tol=1e-6, max_iter=1000)
    assert again.certificate.primal == pytest.approx(whole.certificate.primal, rel=2e-6)


def test_no_accuracy_beyond_rounding_is_promised(rows):
    for loss in LOSSES:
        minimum = minimise(
            problem_of(rows, loss, Frobenius(), 0.0, True), np.zeros(16), tol=1e-300, max_iter=400
        )
        assert abs(minimum.certificate.value) < 1e-8
        assert minimum.status != "converged" or minimum.certificate.value <= 1e-300
