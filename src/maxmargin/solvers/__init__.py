"""Solvers: numerics that know no loss. Each returns a Solution."""

from maxmargin.solvers._solution import Solution
from maxmargin.solvers.lbfgs import minimize_lbfgs
from maxmargin.solvers.trust_region import minimize_trust_region

__all__ = ["Solution", "minimize_lbfgs", "minimize_trust_region"]
