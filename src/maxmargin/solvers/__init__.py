"""Solvers: numerics that know no loss. Each returns a Solution."""

from maxmargin.solvers._solution import Solution
from maxmargin.solvers.newton import minimize_newton

__all__ = ["Solution", "minimize_newton"]
