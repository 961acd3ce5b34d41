"""The only place where a loss meets a penalty and the rows."""

from maxmargin.objectives.certificate import NOTHING_PROVED, Certificate, certify
from maxmargin.objectives.coordinates import Coordinates
from maxmargin.objectives.goals import Minimum
from maxmargin.objectives.linear import LinearObjective
from maxmargin.objectives.minimisation import minimise
from maxmargin.objectives.row_blocks import Block, RowBlocks
from maxmargin.objectives.rows import rows_of
from maxmargin.objectives.sparse_minimisation import certify_sparse, minimise_sparse

__all__ = [
    "NOTHING_PROVED",
    "Block",
    "Certificate",
    "Coordinates",
    "LinearObjective",
    "Minimum",
    "RowBlocks",
    "certify",
    "certify_sparse",
    "minimise",
    "minimise_sparse",
    "rows_of",
]
