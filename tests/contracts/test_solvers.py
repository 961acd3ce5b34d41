"""Laws that the smooth solvers obey on convex functions of every kind that the objectives are made of."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from maxmargin.solvers import minimize_newton, minimize_quasi_newton
from maxmargin.solvers.line_search import flattened


@dataclass(frozen=True)
class Function:
    """A convex function, the sum of n_parts functions of as many groups of coordinates."""

    value: Callable
    gradient: Callable
    hessian: Callable
    n_parts: int = 1


@dataclass(frozen=True)
class Point:
    function: Function
    x: np.ndarray

    @property
    def value(self):
        return float(self.function.value(self.x))

    @property
    def gradient(self):
        return self.function.gradient(self.x)

    @property
    def vector(self):
        return self.x

    def metric(self, iteration):  # noqa: ARG002
        return lambda residual: residual / 10

    def model(self):
        return Model(self.function.hessian(self.x))

    def along(self, direction):
        return Line(self, direction)


@dataclass(frozen=True)
class Model:
    hessian: np.ndarray

    def product(self, direction):
        return self.hessian @ direction

    def precondition(self, residual):
        return residual / np.diag(self.hessian)


@dataclass(frozen=True)
class Line:
    origin: Point
    direction: np.ndarray

    @property
    def n_parts(self):
        return self.origin.function.n_parts

    @property
    def end(self):
        return self.point(np.ones(self.n_parts))

    def point(self, lengths):
        step = self.direction.reshape(self.n_parts, -1) * lengths[:, None]
        return Point(self.origin.function, self.origin.x + step.ravel())

    def slopes(self, lengths):
        products = self.point(lengths).gradient * self.direction
        return products.reshape(self.n_parts, -1).sum(axis=1)


def quadratic(rng):
    root, shift = rng.normal(size=(8, 6)), rng.normal(size=6)
    hessian = root.T @ root + np.eye(6)
    return Function(
        lambda x: x @ hessian @ x / 2 - shift @ x, lambda x: hessian @ x - shift, lambda _: hessian
    )


def soft_maximum(rng):
    """log-sum-exp of steep planes and a weak ridge: smooth, far from quadratic."""
    A, b = 10 * rng.normal(size=(12, 6)), rng.normal(size=12)

    def hessian(x):
        p = softmax(A @ x + b)
        return A.T @ (np.diag(p) - np.outer(p, p)) @ A + 0.01 * np.eye(6)

    return Function(
        lambda x: logsumexp(A @ x + b) + 0.005 * x @ x,
        lambda x: A.T @ softmax(A @ x + b) + 0.01 * x,
        hessian,
    )


def squared_hinges(rng):
    """Piecewise quadratic: the gradient has kinks."""
    A, C = rng.normal(size=(30, 6)), 5.0

    def hessian(x):
        active = A[A @ x < 1]
        return np.eye(6) + 2 * C * active.T @ active

    return Function(
        lambda x: x @ x / 2 + C * np.sum(np.maximum(0, 1 - A @ x) ** 2),
        lambda x: x - 2 * C * A.T @ np.maximum(0, 1 - A @ x),
        hessian,
    )


def sum_of_two(rng):
    """Two problems of their own, of very different strength: one length would suit neither."""
    parts = squared_hinges(rng), soft_maximum(rng)
    strength = 1.0, 1e4

    def hessian(x):
        whole = np.zeros((12, 12))
        whole[:6, :6], whole[6:, 6:] = (
            s * part.hessian(half) for s, part, half in zip(strength, parts, np.split(x, 2), strict=True)
        )
        return whole

    def each(x, what):
        halves = zip(strength, parts, np.split(x, 2), strict=True)
        return [s * getattr(part, what)(half) for s, part, half in halves]

    return Function(
        lambda x: sum(each(x, "value")), lambda x: np.concatenate(each(x, "gradient")), hessian, n_parts=2
    )


FUNCTIONS = [quadratic, soft_maximum, squared_hinges, sum_of_two]
CASES = [(minimize_newton, make) for make in FUNCTIONS]
CASES += [(minimize_quasi_newton, make) for make in FUNCTIONS if make is not sum_of_two]  # has one part
# To which share its gradient falls: the quasi-Newton method ends where the values tell no points apart.
ACCURACY = {minimize_newton: 1e-10, minimize_quasi_newton: 1e-6}
each_case = pytest.mark.parametrize(("solve", "make"), CASES, ids=lambda case: case.__name__)


def start(function, x=None):
    size = 6 * function.n_parts
    return Point(function, np.full(size, 2.0) if x is None else x)


def gradient_below(tolerance):
    return lambda point: np.linalg.norm(point.gradient) <= tolerance


@each_case
def test_minimum_is_scipys(solve, make, rng):
    function = make(rng)
    first = start(function)
    tolerance = ACCURACY[solve] * np.linalg.norm(first.gradient)
    solution = solve(first, finished=gradient_below(tolerance))
    theirs = minimize(
        function.value, first.x, jac=function.gradient, hess=function.hessian, method="trust-exact"
    )
    assert solution.converged
    assert solution.status == "converged"
    assert np.linalg.norm(solution.point.gradient) <= tolerance
    assert solution.point.value <= theirs.fun + 1e-9 * abs(theirs.fun)
    np.testing.assert_allclose(solution.point.x, theirs.x, atol=1e-3)


@each_case
def test_every_step_lowers_the_objective_and_is_reported(solve, make, rng):
    function, seen = make(rng), []
    first = start(function)
    solution = solve(
        first, finished=gradient_below(1e-6), report=lambda step, value: seen.append((step, value))
    )
    steps, values = zip(*seen, strict=True)
    assert list(steps) == list(range(1, solution.iterations + 1))
    assert values[-1] == solution.point.value
    falls = -np.diff([first.value, *values])
    # The last steps may be told by the gradients alone, where rounding hides what the values still fall.
    assert (falls[:-2] > 0).all()
    assert (falls >= -1e-14 * np.abs(values)).all()


@pytest.mark.parametrize("make", [quadratic, squared_hinges], ids=lambda make: make.__name__)
def test_piecewise_quadratics_are_solved_in_few_steps(make, rng):
    # Once the pieces of the minimum are found, a Newton step ends on it but for rounding.
    solution = minimize_newton(start(make(rng)), finished=gradient_below(1e-9), max_iter=12)
    assert solution.converged


def test_parts_take_lengths_of_their_own(rng):
    function, asked = sum_of_two(rng), []

    class Watched(Point):
        def along(self, direction):
            return WatchedLine(self, direction)

    class WatchedLine(Line):
        def point(self, lengths):
            asked.append(lengths)
            return Watched(self.origin.function, super().point(lengths).x)

    solution = minimize_newton(Watched(function, np.full(12, 2.0)), finished=gradient_below(1e-6))
    assert solution.converged
    assert any(one != other for one, other in asked)
    as_one = Function(function.value, function.gradient, function.hessian)
    together = minimize_newton(Point(as_one, np.full(12, 2.0)), finished=gradient_below(1e-6))
    np.testing.assert_allclose(solution.point.x, together.point.x, atol=1e-6)


def test_a_part_at_its_minimum_stays_there(rng):
    # Its slopes are rounding, of either sign: a line search that took them for slopes would walk away.
    function = sum_of_two(rng)
    minimum = minimize_newton(start(function), finished=gradient_below(1e-13), max_iter=50).point.x
    half = np.concatenate([minimum[:6], np.full(6, 2.0)])
    solution = minimize_newton(Point(function, half), finished=gradient_below(1e-6))
    assert solution.converged
    np.testing.assert_allclose(solution.point.x[:6], minimum[:6], atol=1e-7)


def test_a_part_that_was_flat_at_its_end_is_left_there():
    # Its later slopes are rounding: a search that took them for slopes would stretch the step for ever.
    class Searched:
        n_parts, end = 2, None

        def slopes(self, lengths):
            return np.array([3 * lengths[0] - 1, -1e-3])

        def point(self, lengths):
            return lengths

    lengths = flattened(Searched(), 1.0, np.array([-1.0, -1e-20]), np.array([2.0, 0.0]))
    np.testing.assert_allclose(lengths, [1 / 3, 1], atol=0.04)


@pytest.mark.parametrize("make", FUNCTIONS)
def test_damped_steps_end_where_others_do(make, rng):
    first = start(make(rng))
    finished = gradient_below(ACCURACY[minimize_newton] * np.linalg.norm(first.gradient))
    free, damped = (minimize_newton(first, finished=finished, undamped=most) for most in (np.inf, 0))
    assert damped.converged
    np.testing.assert_allclose(damped.point.x, free.point.x, atol=1e-7)


@each_case
def test_too_few_steps_are_a_status(solve, make, rng):
    first = start(make(rng))
    solution = solve(first, finished=gradient_below(1e-12), max_iter=1)
    assert solution.status == "max_iter"
    assert not solution.converged
    assert solution.iterations == 1
    assert solution.point.value < first.value


@each_case
def test_no_steps_are_allowed(solve, make, rng):
    first = start(make(rng))
    solution = solve(first, finished=gradient_below(1e-12), max_iter=0)
    assert (solution.status, solution.iterations) == ("max_iter", 0)
    assert solution.point is first


@each_case
def test_what_rounding_forbids_is_a_status(solve, make, rng):
    function = make(rng)
    solution = solve(start(function), finished=lambda point: False)  # noqa: ARG005
    assert solution.status == "stalled"
    assert solution.iterations < 100
    scale = np.linalg.norm(start(function).gradient)
    assert np.linalg.norm(solution.point.gradient) <= 10 * ACCURACY[solve] * scale


def test_a_gradient_that_is_rounding_raises_no_objective(rng):
    # As of rows in single precision: the slopes promise a fall that the values do not show.
    exact, error = quadratic(rng), rng.normal(size=6)
    rounded = Function(exact.value, lambda x: exact.gradient(x) + error, exact.hessian)
    values = []
    solution = minimize_quasi_newton(
        start(rounded),
        finished=lambda point: False,  # noqa: ARG005
        report=lambda step, value: values.append(value),  # noqa: ARG005
    )
    assert solution.status == "stalled"
    assert len(values) > 1
    assert (np.diff(values) < 0).all()


@each_case
def test_a_start_at_the_minimum_takes_no_step(solve, make, rng):
    function = make(rng)
    tolerance = ACCURACY[solve] * np.linalg.norm(start(function).gradient)
    minimum = solve(start(function), finished=gradient_below(tolerance)).point
    again = solve(minimum, finished=gradient_below(tolerance))
    assert (again.status, again.iterations) == ("converged", 0)
    assert again.point is minimum


def test_a_flat_start_is_stalled_not_a_crash(rng):
    flat = Function(lambda x: 0.0, lambda x: 0 * x, lambda x: np.eye(6))  # noqa: ARG005
    solution = minimize_newton(Point(flat, rng.normal(size=6)), finished=lambda point: False)  # noqa: ARG005
    assert (solution.status, solution.iterations) == ("stalled", 0)
    broken = Function(lambda x: np.inf, lambda x: np.nan * x, lambda x: np.eye(6))  # noqa: ARG005
    solution = minimize_newton(Point(broken, np.ones(6)), finished=lambda point: False)  # noqa: ARG005
    assert (solution.status, solution.iterations) == ("stalled", 0)


def test_a_step_too_long_for_the_line_is_shortened_and_too_short_is_lengthened():
    # |x|^1.2 from 1: the Newton step overshoots fivefold; (x / 10)^6 from 10: it covers a fifth of the way.
    steep = Function(
        lambda x: float(np.sum(np.abs(x) ** 1.2)),
        lambda x: 1.2 * np.sign(x) * np.abs(x) ** 0.2,
        lambda x: np.diag(0.24 * np.maximum(np.abs(x), 1e-12) ** -0.8),
    )
    flat = Function(
        lambda x: float(np.sum((x / 10) ** 6)),
        lambda x: 0.6 * (x / 10) ** 5,
        lambda x: np.diag(0.3 * (x / 10) ** 4 + 1e-300),
    )
    for function, at in ((steep, 1.0), (flat, 10.0)):
        first = Point(function, np.array([at]))
        solution = minimize_newton(
            first, finished=lambda point, first=first: point.value <= 1e-3 * first.value
        )
        assert solution.converged
        assert solution.iterations <= 10


def test_no_step_aims_below_the_least_value():
    # A narrow hinge: where it is nearly straight the metric would send the step far past its end.
    width = 1e-3
    hinge = Function(
        lambda x: float(np.sum(np.sqrt(x**2 + width**2) - width)),
        lambda x: x / np.sqrt(x**2 + width**2),
        lambda x: np.diag(width**2 / (x**2 + width**2) ** 1.5),
    )
    seen = []

    class Watched(Point):
        def metric(self, iteration):  # noqa: ARG002
            return lambda residual: 1e6 * residual

        def along(self, direction):
            seen.append(float(np.abs(direction).max()))
            return Line(self, direction)

    first = Watched(hinge, np.array([1.0]))
    solution = minimize_quasi_newton(first, finished=gradient_below(1e-3), max_iter=100, least=0.0)
    assert solution.converged
    assert seen[0] == pytest.approx(2 * first.value)
    seen.clear()
    minimize_quasi_newton(first, finished=gradient_below(1e-3), max_iter=1)
    assert seen[0] == pytest.approx(1e6, rel=1e-3)


def test_the_metric_and_the_memory_cut_the_steps(rng):
    # Curvatures from 1 to 1e3: plain steps would crawl.
    scale = np.geomspace(1, 1e3, 30)
    shift = rng.normal(size=30)
    function = Function(lambda x: float(scale @ (x - shift) ** 2) / 2, lambda x: scale * (x - shift), np.diag)

    class Informed(Point):
        def metric(self, iteration):  # noqa: ARG002
            return lambda residual: residual / scale

    tolerance = gradient_below(1e-6 * np.linalg.norm(function.gradient(np.zeros(30))))
    informed = minimize_quasi_newton(Informed(function, np.zeros(30)), finished=tolerance)
    assert (informed.status, informed.iterations) == ("converged", 1)
    blind = minimize_quasi_newton(Point(function, np.zeros(30)), finished=tolerance)
    assert blind.converged
    assert 1 < blind.iterations < 300
