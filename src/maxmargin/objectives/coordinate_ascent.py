"""Dual coordinate ascent as the start of a minimisation, where it is the faster way."""

from dataclasses import replace
from typing import Any

import numpy as np

from maxmargin.losses import CrammerSinger, OneVsRest, SmoothHinge, TopK, WestonWatkins
from maxmargin.objectives.certificate import Certificate, certify
from maxmargin.objectives.goals import Report, Start
from maxmargin.objectives.linear import LinearObjective
from maxmargin.objectives.row_blocks import Block
from maxmargin.penalties import BredensteinerBennett, Frobenius

_LEAST_BYTES = (
    1 << 20
)  # of rows or of scores: a smaller problem is solved before the compiled sweeps are loaded
_MOST_SWEEPS = 90  # a one-vs-rest problem that is not solved by then is one for Newton steps
_MOST_WIDE_SWEEPS = 600  # where these would take a matrix that is larger than the rows
_MOST_ROUNDS, _MOST_VISITS = 30, 150  # and so is a multi-class one, of each row in the mean
_VISITS_OF_CLASSES = 15  # more, each, where there are many of them
_VISITS_OF_MATRICES = 2.0  # more where Newton steps take matrices that are large beside the rows
_ASTRAY = 0.3  # a certificate above it tells of a point from which the way is longer than from the start
_FAR = 5e-5  # multi-class sweeps run in single precision, and the last digits are dear to them
_HELD = 1e12  # a pull that keeps the dual variables where they are, however small they are


def coordinate_ascent(
    objective: LinearObjective,
    begun: Start,
    *,
    tol: float,
    max_iter: int,
    seed: int,
    problems: int,
    report: Report,
) -> Start:
    """Solve as far as dual coordinate ascent goes fast; elsewhere return the start as it is.

    ``problems`` is how many such problems there are to solve: they share what the compiled sweeps cost.
    """
    rows, loss = objective.rows, objective.loss
    norms = _squared_norms(objective)
    nbytes = max(rows.nbytes, 8 * rows.n_samples * objective.coordinates.n_scores) * problems
    if rows.whole is None or norms == 0 or nbytes < _LEAST_BYTES:
        return begun
    is_cold = begun.duals is None and not np.any(begun.vector)
    if isinstance(loss, OneVsRest):
        wide = _is_wide(rows.whole)
        if isinstance(loss.surrogate, SmoothHinge) or not (wide or (rows.is_sparse and is_cold)):
            return begun
        most = min(max_iter, _MOST_WIDE_SWEEPS if wide else _MOST_SWEEPS)
        ended = _one_vs_rest(
            objective, rows.whole, begun, tol=tol, max_iter=most, random_state=seed, report=report
        )
        return _unless_astray(ended, begun, max_iter) if loss.is_polyhedral else ended
    kind = _kind(loss)
    if kind is None or not is_cold:
        return begun
    ended = _multi_class(
        objective,
        rows.whole,
        norms,
        tol=max(0.8 * tol, _FAR),
        max_iter=min(max_iter, _MOST_ROUNDS),
        most_visits=max(_MOST_VISITS, _VISITS_OF_CLASSES * objective.coordinates.n_scores)
        + _VISITS_OF_MATRICES * rows.n_features**2 / rows.n_samples,
        random_state=seed,
        report=report,
        **kind,
    )
    return _unless_astray(ended, begun, max_iter)


def _unless_astray(ended: Start, begun: Start, max_iter: int) -> Start:
    """Where the sweeps ended, or began if they led nowhere and there are steps left for another way."""
    proved = ended.certificate is not None and ended.certificate.value <= _ASTRAY
    return ended if proved or ended.iterations >= max_iter else replace(begun, iterations=ended.iterations)


def _squared_norms(objective: LinearObjective) -> int:
    """How many times 1/2 |W|^2 the penalty is at the optimum; 0 where it is something else."""
    if objective.epsilon > 0:
        return 0
    if isinstance(objective.penalty, BredensteinerBennett) and not objective.loss.is_separable:
        return objective.coordinates.n_scores + 1  # the weights sum to zero
    return int(isinstance(objective.penalty, Frobenius))


def _is_wide(whole: Block) -> bool:
    """Whether the rows are dense and so few that some plane separates almost any labels (Cover 1965)."""
    X = whole.X
    return isinstance(X, np.ndarray) and X.shape[0] <= 2 * X.shape[1]


def _kind(loss: Any) -> dict[str, Any] | None:
    """The polytope of a multi-class loss, where the sweeps know it."""
    if not loss.is_polyhedral:
        return None
    if isinstance(loss, WestonWatkins):
        return {"kind": "box"}
    if isinstance(loss, CrammerSinger) or (isinstance(loss, TopK) and loss.k == 1):
        return {"kind": "simplex"}
    if isinstance(loss, TopK) and loss.variant == "beta":
        return {"kind": "capped", "cap": 1 / loss.k}
    return None


def _one_vs_rest(objective: LinearObjective, whole: Block, begun: Start, **limits: Any) -> Start:
    from maxmargin.solvers.dual_coordinate import minimize_dual_coordinate

    (X, target, weight), coordinates = whole, objective.coordinates
    signs = np.where(target[:, None] == np.arange(coordinates.n_scores), np.int8(1), np.int8(-1))
    bounds = objective.C * weight
    known: dict[str, Any] = {}
    if begun.duals is not None:
        known["start_duals"] = np.concatenate(list(begun.duals)) * bounds[:, None]
        _, known["start_intercept"] = coordinates.split(begun.vector)
    solution = minimize_dual_coordinate(
        X,
        signs,
        bounds,
        squared=not objective.loss.is_polyhedral,
        fit_intercept=coordinates.fit_intercept,
        n_threads=objective.rows.threads,
        **known,
        **limits,
    )
    point = solution.point
    primal = float(point.primal.sum())
    duals = None
    if objective.loss.is_polyhedral:
        none = np.zeros_like(point.duals)
        share = np.divide(point.duals, bounds[:, None], out=none, where=bounds[:, None] > 0)
        duals = objective.rows.cut(share)
    return Start(
        coordinates.join(point.coef, point.intercept),
        duals,
        Certificate.between(primal - float(point.gap.sum()), primal),
        solution.iterations,
    )


def _multi_class(objective: LinearObjective, whole: Block, norms: int, **limits: Any) -> Start:
    from maxmargin.solvers.dual_blocks import minimize_dual_blocks

    (X, target, weight), coordinates = whole, objective.coordinates
    solution = minimize_dual_blocks(
        X,
        target,
        objective.C / norms * weight,
        coordinates.n_scores,
        fit_intercept=coordinates.fit_intercept,
        **limits,
    )
    shares = solution.dual
    shares[np.arange(len(target)), target] = 0
    duals = objective.rows.cut(np.maximum(shares, 0))
    vector = coordinates.join(solution.coef, solution.intercept)
    certificate = certify(objective.proximal(_HELD, duals).at(vector), 0.0)
    return Start(vector, duals, certificate, solution.iterations)
