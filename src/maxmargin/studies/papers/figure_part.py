"""What each figure of an experiment with several has."""

from abc import ABC, abstractmethod

from maxmargin.evidence import Strict
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.samples import Sample
from maxmargin.studies.records import Record


class Part(Strict, ABC):
    """Runs on some data sets, for one figure or table.

    Attributes
    ----------
    on : list of str
        Names of the data sets.
    work : float
        How long a run takes beside a fit of a fast method.
    """

    on: list[str]
    work: float = 1

    @abstractmethod
    def runs(self, folds: int) -> int:
        """How many there are for a data set and a seed."""

    @abstractmethod
    def show(self, notebook: Notebook, sample: Sample, where: Record, folds: int, effort: float) -> None:
        """Run what the notebook does not hold yet.

        Parameters
        ----------
        notebook : Notebook
            Where the records go.
        sample : Sample
            The rows.
        where : mapping
            ``data`` and ``seed``.
        folds : int
            Parts of a cross-validation.
        effort : float
            Of each run.
        """
