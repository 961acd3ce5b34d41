"""The grids of a search, one after the other, and what is recorded of them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import ParameterGrid

from maxmargin._checks import InputError, check_positive
from maxmargin._files import replacing

Record = dict[str, float]
"""Score and seconds of one candidate on one fold, as scikit-learn names them."""

_STEPS = np.arange(-2, 2, 0.25)  # of the fine grid, in powers of 2 from the best of the coarse one


@dataclass(frozen=True)
class Stage:
    """A grid of C and gamma.

    Examples
    --------
    >>> Stage("coarse", [1.0, 4.0], [0.5]).candidates
    [{'C': 1.0, 'gamma': 0.5}, {'C': 4.0, 'gamma': 0.5}]
    """

    name: str
    Cs: list[float]
    gammas: list[Any]

    @property
    def candidates(self) -> list[dict[str, Any]]:
        """Every combination, in the order of GridSearchCV."""
        return list(ParameterGrid({"C": self.Cs, "gamma": self.gammas}))

    def ordered(self, found: list[list[list[Record]]]) -> list[Record]:
        """Records by gamma, fold and C, in the order of the candidates and their folds."""
        folds = range(len(found[0]))
        return [found[g][i][c] for c in range(len(self.Cs)) for g in range(len(self.gammas)) for i in folds]


def coarse(C: Any, gamma: Any) -> Stage:
    """The grid that a person gives, by default C = 2^-7, 2^-5, ..., 2^13 and gamma = 2^-15, 2^-13, ..., 2^3.

    Raises
    ------
    InputError
        Where a value cannot be used or is there twice.
    """
    Cs = _values(2.0 ** np.arange(-7, 14, 2) if C is None else C, "C")
    gammas = _values(2.0 ** np.arange(-15, 4, 2) if gamma is None else gamma, "gamma", ("scale", "auto"))
    return Stage("coarse", Cs, gammas)


def around(C: float, gamma: float) -> Stage:
    """The fine grid: 16 steps of 2^(1/4) from a quarter of the best value on, for both.

    Examples
    --------
    >>> stage = around(2.0, 0.125)
    >>> len(stage.Cs), stage.Cs[0], stage.Cs[8], stage.gammas[0]
    (16, 0.5, 2.0, 0.03125)
    """
    return Stage("fine", (C * 2**_STEPS).tolist(), (gamma * 2**_STEPS).tolist())


@dataclass(frozen=True)
class StageFiles:
    """What is found of a stage, a file a gamma."""

    folder: Path

    def read(self, stage: Stage, place: int) -> list[list[Record]] | None:
        """Records by fold and C; None where there are none yet.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        path = self._path(stage, place)
        if not path.exists():
            return None
        try:
            content = json.loads(path.read_text())
            return [[{name: float(value) for name, value in one.items()} for one in fold] for fold in content]
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is damaged; remove it, and its fits are made again") from error

    def write(self, stage: Stage, place: int, found: list[list[Record]]) -> None:
        """Write the records of one gamma, whole or not at all."""
        with replacing(self._path(stage, place)) as draft:
            draft.write_text(json.dumps(found))

    def _path(self, stage: Stage, place: int) -> Path:
        return self.folder / f"{stage.name}-gamma-{place}.json"


def _values(values: Any, name: str, words: tuple[str, ...] = ()) -> list[Any]:
    if isinstance(values, str) or not np.iterable(values):
        raise InputError(f"{name} is {values!r}; it must be a sequence of values")
    found = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if not found:
        raise InputError(f"{name} is empty; give at least one value")
    for i, value in enumerate(found):
        if value not in words:
            check_positive(value, f"{name}[{i}]")
        if value in found[:i]:
            raise InputError(f"{name}[{i}] is {value!r}, which is there twice; give each value once")
    return found
