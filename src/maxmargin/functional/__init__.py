"""Numerics over the array API, without a word of classification."""

from maxmargin.functional.clipping import clip, positive_part, sign
from maxmargin.functional.largest import argmax_of_rows, largest_of_rows, placed_largest_of_rows
from maxmargin.functional.simplex import project_capped_simplex, project_simplex
from maxmargin.functional.top_k_simplex import project_top_k_simplex

__all__ = [
    "argmax_of_rows",
    "clip",
    "largest_of_rows",
    "placed_largest_of_rows",
    "positive_part",
    "project_capped_simplex",
    "project_simplex",
    "project_top_k_simplex",
    "sign",
]
