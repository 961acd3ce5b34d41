"""Numerics over the array API, without a word of classification."""

from maxmargin.functional.simplex import project_simplex

__all__ = ["project_simplex"]
