"""What a minimisation has to reach, and what it reached."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from maxmargin._typing import Floats
from maxmargin.objectives.certificate import Certificate
from maxmargin.objectives.linear import LinearObjective
from maxmargin.objectives.row_blocks import States

_SMALL = 20000  # rows times unknowns: a problem that is solved to rounding, whatever the order of its rows
_ROUNDING = 1e-12
_HALTED = 60  # points, none of which halves the certificate: what is left of it is rounding

Report = Callable[[int, float], None] | None


@dataclass(frozen=True)
class Start:
    """Where a minimisation begins: a vector and, where they are known, dual variables and a certificate."""

    vector: Floats
    duals: States | None = None
    certificate: Certificate | None = None
    iterations: int = 0


@dataclass(frozen=True)
class Minimum:
    """The end of a minimisation, with its proof and, for a polyhedral loss, its dual variables."""

    vector: Floats
    certificate: Certificate
    iterations: int
    status: Literal["converged", "max_iter", "stalled"]
    duals: States | None = None


class Goal:
    """What a certificate has to reach: the tolerance at the start, and after the first step the goal.

    The tolerance will do too where the goal is beyond what rounding leaves: certificates have come to a halt.
    """

    def __init__(self, tol: float, goal: float) -> None:
        self.tol, self.goal, self.asked = tol, goal, 0
        self.best, self.asked_at_best = np.inf, 0

    def __call__(self, certificate: Certificate) -> bool:
        """Whether it is reached."""
        self.asked += 1
        if certificate.value <= self.best / 2:
            self.best, self.asked_at_best = certificate.value, self.asked
        return certificate.value <= (self.tol if self.asked == 1 or self.halted else self.goal)

    @property
    def halted(self) -> bool:
        """Whether some certificate reached the tolerance, and none of the last was much better."""
        return self.best <= self.tol and self.asked - self.asked_at_best >= _HALTED


def goal_of(objective: LinearObjective, tol: float, problems: int = 1) -> float:
    """The tolerance, or for small problems rounding, so that a solution hangs on nothing but its rows."""
    small = objective.coordinates.size * objective.rows.n_samples * problems < _SMALL
    return min(tol, _ROUNDING) if small else tol


def counted(report: Report, iterations: int) -> Report:
    """The report of a solver that goes on after some iterations."""
    return None if report is None else lambda step, value: report(iterations + step, value)
