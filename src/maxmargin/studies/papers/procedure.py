"""What every way of running an experiment has."""

from abc import ABC, abstractmethod
from typing import ClassVar

from maxmargin.evidence import Strict
from maxmargin.studies.papers.notebook import Notebook


class Procedure(Strict, ABC):
    """A way of running an experiment, its settings read from the experiment's file.

    One file a procedure: it subclasses this with a ``kind`` of its own and joins ``AnyProcedure`` in
    ``experiment.py``.

    Attributes
    ----------
    libraries : tuple of str
        Those beside the usual ones whose versions shape the numbers.
    """

    libraries: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def run(self, notebook: Notebook, seeds: range, device: str) -> None:
        """Run what the notebook does not hold yet.

        Parameters
        ----------
        notebook : Notebook
            Where the records go.
        seeds : range
            One repetition for each.
        device : {"auto", "cpu", "cuda"}
            Where networks are trained.
        """

    @property
    @abstractmethod
    def sources(self) -> list[str]:
        """Names of the data sets that it reads."""

    @abstractmethod
    def effort(self, seeds: range) -> float:
        """About the seconds on one processor of all that :meth:`run` tells the notebook."""
