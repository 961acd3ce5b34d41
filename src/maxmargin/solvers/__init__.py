"""Solvers: numerics that know no loss. Each returns a Solution."""

from maxmargin.solvers._solution import Solution
from maxmargin.solvers.newton import minimize_newton
from maxmargin.solvers.quasi_newton import minimize_quasi_newton

__all__ = ["Solution", "minimize_newton", "minimize_quasi_newton"]
