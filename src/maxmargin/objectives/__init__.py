"""The only place where a loss meets a penalty and the rows."""

from maxmargin.objectives.linear import LinearObjective
from maxmargin.objectives.preconditioned import Preconditioned
from maxmargin.objectives.row_blocks import RowBlocks

__all__ = ["LinearObjective", "Preconditioned", "RowBlocks"]
