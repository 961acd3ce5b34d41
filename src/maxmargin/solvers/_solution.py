"""What every solver returns."""

from dataclasses import dataclass
from typing import Literal

from maxmargin._typing import Floats


@dataclass(frozen=True)
class Solution:
    """The end of a minimisation: failure is a status with a message, not an exception.

    Attributes
    ----------
    parameters : ndarray of shape (n,)
        Where the solver stopped.
    objective : float
        The objective there.
    certificate : float
        Largest gradient entry there, relative to the reference; at most ``tol`` where converged.
    iterations : int
        Accepted steps.
    seconds : float
        Wall-clock time.
    status : {"converged", "max_iter", "stalled"}
        "stalled": rounding left no step that lowers the objective.
    """

    parameters: Floats
    objective: float
    certificate: float
    iterations: int
    seconds: float
    status: Literal["converged", "max_iter", "stalled"]

    @property
    def converged(self) -> bool:
        """Whether the certificate is within the tolerance asked for."""
        return self.status == "converged"
