"""Regularised risk of a linear classifier, a sum over row blocks."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from maxmargin._typing import Floats
from maxmargin.losses import Loss, Proximal
from maxmargin.objectives.coordinates import Coordinates
from maxmargin.objectives.gram_hessian import ClassGrams, GramHessian
from maxmargin.objectives.metric import Metric
from maxmargin.objectives.products import weighted_sum
from maxmargin.objectives.rounded_rows import rounded
from maxmargin.objectives.row_blocks import Block, RowBlocks, States
from maxmargin.objectives.second_order import Preconditioner, SecondOrder
from maxmargin.penalties import Penalty

_OUT_OF_SIGHT, _LEAST_RIDGE = 1e6, 1e-6  # a score that none needs; a penalty on intercepts that none feels

LossOf = Callable[[Any], Loss]
"""The loss of a block's rows, given what the block keeps: its dual variables, or None."""


@dataclass(frozen=True)
class LinearObjective:
    """``penalty(W) + C * sum_i weight_i * loss(W x_i + b, y_i) + epsilon * (|W|^2 + |b|^2)``.

    Parameters
    ----------
    rows : RowBlocks
        The training set.
    loss : Loss
        Function of scores and target.
    penalty : Penalty
        Function of the weights; it does not see the intercept.
    C : float
        What the summed loss counts against the penalty.
    coordinates : Coordinates
        How weights and intercepts are one vector.
    epsilon : float, default=0.0
        Tiny ridge that picks one of several equivalent solutions (M3SVM, eq. 21).
    width, duals : float and one array a block, optional
        Make a polyhedral loss smooth around these dual variables.

    Examples
    --------
    >>> from maxmargin.losses import SoftmaxCrossEntropy
    >>> from maxmargin.penalties import Frobenius
    >>> rows = RowBlocks.of(np.array([[1.0], [2.0]]), np.array([0, 1]), np.ones(2))
    >>> coordinates = Coordinates.of(rows, C=1.0, n_scores=2, fit_intercept=True)
    >>> objective = LinearObjective(rows, SoftmaxCrossEntropy(), Frobenius(), 1.0, coordinates)
    >>> round(objective.at(np.zeros(coordinates.size)).value, 4)
    1.3863
    """

    rows: RowBlocks
    loss: Loss
    penalty: Penalty
    C: float
    coordinates: Coordinates
    epsilon: float = 0.0
    width: float = 0.0
    duals: States | None = None
    preconditioner: Preconditioner = field(default_factory=Preconditioner, repr=False)
    grams: ClassGrams = field(default_factory=ClassGrams, repr=False)
    metric: Metric = field(default_factory=Metric, repr=False)

    def proximal(self, width: float, duals: States) -> "LinearObjective":
        """The same objective with its polyhedral loss made smooth around dual variables."""
        return replace(self, width=width, duals=duals)

    def thinned(self, step: int) -> "LinearObjective":
        """The same objective over one of step rows, which stands for them."""
        rows = self.rows.thinned(step)
        C = self.C * self.rows.weight / max(rows.weight, np.finfo(np.float64).tiny)
        return self._afresh(rows=rows, C=C)

    def with_strength(self, C: float) -> "LinearObjective":
        """The same objective at another C, with coordinates of its own."""
        own = self.coordinates
        coordinates = Coordinates.of(self.rows, C, own.n_scores, fit_intercept=own.fit_intercept)
        return self._afresh(C=C, coordinates=coordinates)

    def _afresh(self, **changes: Any) -> "LinearObjective":
        """The same objective but for these changes, without what was kept from point to point."""
        return replace(self, preconditioner=Preconditioner(), grams=ClassGrams(), metric=Metric(), **changes)

    def rounded(self) -> "LinearObjective":
        """The same objective over copies of the rows in single precision, which Newton steps use as well."""
        rows = rounded(self.rows, self.coordinates)
        self.preconditioner.copies = [block.X for block in rows.blocks]
        return replace(self, rows=rows)

    @property
    def spread(self) -> float:
        """Mean |x - m|^2 of the weighted rows."""
        return float(np.sum((self.coordinates.scale**2 - 1) / (self.C * self.rows.weight)))

    @property
    def has_dual(self) -> bool:
        """Whether the dual has a closed form."""
        return self.penalty.has_conjugate

    @property
    def loss_of(self) -> LossOf:
        """The loss of a block, given its dual variables."""
        return partial(_loss_of, self.loss, self.width)

    @property
    def states(self) -> States:
        """The dual variables, one array a block; None for each where the loss is smooth."""
        return [None] * len(self.rows.blocks) if self.duals is None else self.duals

    def penalty_and_gradient(self, coef: Floats, intercept: Floats) -> tuple[float, Floats]:
        """Penalty and ridge, and their derivative by the weights."""
        penalty, by_coef = self.penalty.value_and_gradient(coef)
        ridge = self.epsilon * (np.vdot(coef, coef) + np.vdot(intercept, intercept))
        return float(penalty + ridge), by_coef + 2 * self.epsilon * coef

    def at(self, vector: Floats) -> "LinearPoint":
        """Evaluate value and gradient in one pass over the rows."""
        coef, intercept = self.coordinates.split(vector)
        return self.evaluated(vector, partial(_score, coef=coef, intercept=intercept), self.states)

    def evaluated(self, vector: Floats, scores_of: Callable[..., Floats], *states: States) -> "LinearPoint":
        """The point whose scores are a function of what the blocks keep (dual variables first)."""
        coef, intercept = self.coordinates.split(vector)
        exact = None if self.duals is None else self.loss
        scores, totals = self.rows.run(partial(_evaluate, scores_of, self.loss_of, exact), *states)
        risk, exact, distance, by_coef, by_intercept = totals
        penalty, penalty_by_coef = self.penalty_and_gradient(coef, intercept)
        by_coef = self.C * by_coef + penalty_by_coef
        by_intercept = self.C * by_intercept + 2 * self.epsilon * intercept
        value = float(self.C * risk) + penalty
        gradient = self.coordinates.pull(by_coef, by_intercept)
        primal = value + self.C * (exact - risk)
        return LinearPoint(
            self,
            vector,
            value,
            gradient,
            coef,
            intercept,
            scores,
            primal,
            self.C * distance,
            (penalty, penalty_by_coef),
        )


@dataclass(frozen=True)
class LinearPoint:
    """A linear objective at one vector, with the scores of all rows there.

    ``primal`` is the objective with its loss as it is, and ``distance`` what the pull of the dual variables
    towards their centre takes away from it; where the loss is smooth these are ``value`` and 0. ``penalty``
    is its value and its derivative by the weights, the ridge included.
    """

    objective: LinearObjective
    vector: Floats
    value: float
    gradient: Floats
    coef: Floats
    intercept: Floats
    scores: States = field(repr=False)
    primal: float
    distance: float
    penalty: tuple[float, Floats] = field(repr=False)

    @cached_property
    def hold(self) -> float:
        """Curvature that keeps a step from moving an intercept out of sight, where no curved row holds it."""
        coordinates = self.objective.coordinates
        _, by_intercept = coordinates.table(self.gradient)
        steepest = float(np.max(np.abs(by_intercept), initial=0.0)) * coordinates.intercept_scale
        table, _ = coordinates.table(self.vector)
        # A penalty that none feels beside the objective, where an intercept moves as much as scores differ.
        squares = 1 + float(np.max(np.sum(table**2, axis=1))) / coordinates.intercept_scale**2
        least = _LEAST_RIDGE * min(1.0, self.value) / squares
        return (steepest / _OUT_OF_SIGHT + least) / coordinates.intercept_scale**2

    @property
    def stiffness(self) -> Floats:
        """About the diagonal of the penalty's Hessian in the vector's coordinates, one row a class."""
        coordinates, epsilon = self.objective.coordinates, self.objective.epsilon
        of_coef = self.objective.penalty.stiffness(self.coef) + 2 * epsilon
        stiffness = np.outer(of_coef, coordinates.scale**-2.0)
        if not coordinates.fit_intercept:
            return stiffness
        of_intercept = 2 * epsilon / coordinates.intercept_scale**2 + self.hold
        return np.column_stack([stiffness, np.full(len(stiffness), of_intercept)])

    def model(self) -> GramHessian | SecondOrder:
        """The Hessian, and about its inverse."""
        return GramHessian.at(self) if ClassGrams.suit(self.objective) else SecondOrder.at(self)

    def metric(self, iteration: int) -> Callable[[Floats], Floats]:
        """About the inverse Hessian, as if the classes were alike."""
        return self.objective.metric.at(self, iteration)

    def along(self, direction: Floats) -> "LinearLine":
        """The objective along a direction; one pass over the rows."""
        coef, intercept = self.objective.coordinates.split(direction)
        return LinearLine(self, self.objective.at(self.vector + direction), direction, coef, intercept)


@dataclass(frozen=True)
class LinearLine:
    """A linear objective along a direction: the scores are affine there, so no slope reads the rows."""

    origin: LinearPoint
    end: LinearPoint
    direction: Floats
    coef: Floats
    intercept: Floats

    @cached_property
    def moves(self) -> States:
        """By how much the scores move along the whole direction."""
        return self.origin.objective.rows.run(_move, self.origin.scores, self.end.scores)[0]

    @property
    def n_parts(self) -> int:
        """Classes that are problems of their own, or 1."""
        objective = self.origin.objective
        return len(self.coef) if objective.loss.is_separable and objective.penalty.is_separable else 1

    @cached_property
    def _penalty_slopes(self) -> Callable[[Floats], Floats]:
        origin, penalty = self.origin, self.origin.objective.penalty
        ridge = 2 * origin.objective.epsilon
        starts = ridge * (np.sum(origin.coef * self.coef, axis=1) + origin.intercept * self.intercept)
        bends = ridge * (np.sum(self.coef**2, axis=1) + self.intercept**2)
        if self.n_parts == 1:
            of_penalty = penalty.slopes_along(origin.coef, self.coef)
            return lambda t: of_penalty(float(t[0])) + starts.sum() + t * bends.sum()
        # A penalty that is a sum over the classes is quadratic in each.
        starts += np.sum(penalty.value_and_gradient(origin.coef)[1] * self.coef, axis=1)
        bends += np.sum(penalty.curvature(origin.coef)(self.coef) * self.coef, axis=1)
        return lambda t: starts + t * bends

    def slopes(self, lengths: Floats) -> Floats:
        """Derivative of the objective, or of each class's, at these lengths."""
        objective = self.origin.objective
        task = partial(_slopes, objective.loss_of, lengths)
        _, (risk,) = objective.rows.run(task, objective.states, self.origin.scores, self.moves)
        return self._penalty_slopes(lengths) + objective.C * risk

    def point(self, lengths: Floats) -> LinearPoint:
        """The objective at these lengths."""
        objective, origin = self.origin.objective, self.origin
        stretched = self.direction.reshape(objective.coordinates.n_scores, -1) * lengths[:, None]
        scores_of = partial(_advance, lengths)
        vector = origin.vector + stretched.ravel()
        return objective.evaluated(vector, scores_of, objective.states, origin.scores, self.moves)


def _loss_of(loss: Any, width: float, duals: Any) -> Loss:
    return loss if duals is None else Proximal(loss, width, duals)


def _score(block: Block, coef: Floats, intercept: Floats) -> Floats:
    return block.scores(coef, intercept)


def _advance(lengths: Floats, block: Block, scores: Floats, moves: Floats) -> Floats:
    return scores + block.here(lengths) * moves


def _evaluate(
    scores_of: Callable[..., Floats],
    loss_of: LossOf,
    exact: Loss | None,
    block: Block,
    duals: Any,
    *states: Any,
) -> tuple[Floats, tuple]:
    scores, target, weight = scores_of(block, *states), block.target, block.weight
    loss: Any = loss_of(duals)
    if exact is None:
        value, by_scores = loss.value_and_gradient(scores, target)
        sums = 2 * (weighted_sum(weight, value),) + (0.0,)
    else:
        value, by_scores, distance = loss.value_gradient_and_distance(scores, target)
        sums = tuple(weighted_sum(weight, part) for part in (value, exact.value(scores, target), distance))
    xp = array_namespace(by_scores)
    by_scores = by_scores * xp.astype(weight, by_scores.dtype, copy=False)[:, None]
    return scores, (*sums, block.adjoint(by_scores), xp.astype(xp.sum(by_scores, axis=0), xp.float64))


def _move(_: Block, start: Floats, end: Floats) -> tuple[Floats, tuple]:
    return end - start, ()


def _slopes(
    loss_of: LossOf, lengths: Floats, block: Block, duals: Any, scores: Floats, moves: Floats
) -> tuple[None, tuple[Floats]]:
    advanced = _advance(lengths, block, scores, moves)
    by_scores = loss_of(duals).value_and_gradient(advanced, block.target)[1]
    slopes = block.weight @ (by_scores * moves)
    return None, (slopes if len(lengths) > 1 else slopes.sum()[None],)
