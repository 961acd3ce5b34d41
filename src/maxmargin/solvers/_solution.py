"""What every solver returns."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Solution:
    """The end of a minimisation: failure is a status with a message, not an exception.

    Attributes
    ----------
    point : Point
        Where the solver stopped.
    iterations : int
        Accepted steps.
    seconds : float
        Wall-clock time.
    status : {"converged", "max_iter", "stalled"}
        "stalled": rounding left no step that lowers the objective.
    """

    point: Any
    iterations: int
    seconds: float
    status: Literal["converged", "max_iter", "stalled"]

    @property
    def converged(self) -> bool:
        """Whether the certificate is within the tolerance asked for."""
        return self.status == "converged"
