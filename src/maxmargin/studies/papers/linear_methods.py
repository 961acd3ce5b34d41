"""Linear classifiers as a table of a paper compares them: their grids, and how these are searched."""

import time
import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from maxmargin import linear
from maxmargin._checks import check_choice
from maxmargin._typing import Floats, Ints
from maxmargin.evidence import Strict
from maxmargin.studies.records import Record

Params = dict[str, float]

_MAX_ITER = 10000  # the last steps of a barely regularised machine are many, and cheap
_SEARCH_TOL = 1e-2  # below it the accuracy hardly moves
_TOL = 1e-3


class LinearMethod(Strict):
    """A classifier and the values of its parameters to choose from.

    Attributes
    ----------
    estimator : str
        A class of ``maxmargin.linear``.
    C : list of float
        Values of C; in units of one over the number of features where ``per_feature`` is True, which suits
        a squared-norm penalty: standardised rows are as long as they have features.
    per_feature : bool
        Whether they are.
    options : mapping
        Its other parameters.
    grid : mapping from str to list
        Values of further parameters to choose from.
    each : str or None
        One of these: each of its values is tested too, with the best values of all others.
    work : float
        How long a fit takes beside one of the fastest method.
    """

    estimator: str
    C: list[float]
    per_feature: bool = False
    options: dict[str, Any] = Field(default={})
    grid: dict[str, list[int | float]] = Field(default={})
    each: str | None = None
    work: float = 1

    @field_validator("estimator")
    @classmethod
    def _check_estimator(cls, name: str) -> str:
        known = [one for one in linear.__all__ if isinstance(getattr(linear, one), type)]
        return check_choice(name, [one for one in known if one.endswith(("SVC", "Regression"))], "estimator")

    @model_validator(mode="after")
    def _check_each(self) -> Self:
        if self.each is not None:
            check_choice(self.each, self.grid, "parameter of the grid")
        return self

    def text(self) -> str:
        """The grid in words, which tell one search from another.

        Examples
        --------
        >>> LinearMethod(estimator="M3SVC", C=[0.1, 1], grid={"p": [2, 4]}).text()
        'C=0.1,1; p=2,4'
        """
        unit = "C/features" if self.per_feature else "C"
        return "; ".join(f"{name}={','.join(f'{v:g}' for v in values)}" for name, values in self._all(unit))

    def candidates(self) -> int:
        """How many combinations there are."""
        return int(np.prod([len(values) for _, values in self._all("C")]))

    def searched(self, X: Floats, y: Ints, folds: int, seed: int) -> Record:
        """Accuracy of every combination in a cross-validation of these rows.

        Returns
        -------
        Record
            ``grid``: the values of each parameter, and ``accuracy``, nested in their order.
        """
        from sklearn.model_selection import StratifiedKFold

        Cs = [float(f"{C / X.shape[1]:.3g}") for C in self.C] if self.per_feature else self.C
        fewest = len(y) - -(-len(y) // folds)
        search = linear.LinearSearchCV(
            self._pipeline(fewest < X.shape[1], _SEARCH_TOL),
            Cs,
            StratifiedKFold(folds, shuffle=True, random_state=seed),
            {f"classifier__{name}": values for name, values in self.grid.items()},
            refit=False,
            n_jobs=-1,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = search.fit(X, y).cv_results_["mean_test_score"]
        values = {"C": Cs} | {name: self.grid[name] for name in sorted(self.grid)}
        table = np.reshape(scores, [len(v) for v in values.values()])
        return {"grid": values | {"accuracy": np.round(table, 5).tolist()}}

    def fitted(self, X: Floats, y: Ints, params: Mapping[str, float]) -> tuple[Any, Record]:
        """The classifier with its scaling, fitted to all rows, with its time and whether it converged."""
        model = self._pipeline(len(y) < X.shape[1], _TOL)
        model.set_params(**{f"classifier__{name}": value for name, value in params.items()})
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)
        seconds = time.perf_counter() - start
        return model, {"seconds": round(seconds, 3), "converged": model[-1].converged_}

    def _all(self, C: str) -> list[tuple[str, list[Any]]]:
        return [(C, self.C), *((name, self.grid[name]) for name in sorted(self.grid))]

    def _pipeline(self, wide: bool, tol: float) -> Any:
        """Scaling, and the classifier after it.

        A penalty of lengths does not see a rotation: where there are more features than rows, the rows are
        turned into the space that they span, which changes no prediction and saves the rest.
        """
        from sklearn.decomposition import PCA
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        classifier = getattr(linear, self.estimator)(tol=tol, max_iter=_MAX_ITER, **self.options)
        turned = wide and self.estimator != "SparseMultinomialLogisticRegression"
        rotation = [("rotation", PCA(svd_solver="full"))] if turned else []
        return Pipeline([("scaling", StandardScaler()), *rotation, ("classifier", classifier)])


def best(grid: Mapping[str, Any], **fixed: float) -> tuple[Params, float]:
    """Parameters of the highest accuracy of a search, and that; the first among equals.

    Examples
    --------
    >>> grid = {"C": [1, 10], "p": [2, 4], "accuracy": [[0.5, 0.6], [0.7, 0.6]]}
    >>> best(grid)
    ({'C': 10, 'p': 2}, 0.7)
    >>> best(grid, p=4)
    ({'C': 1, 'p': 4}, 0.6)
    """
    values = {name: list(v) for name, v in grid.items() if name != "accuracy"}
    table = np.array(grid["accuracy"])
    for axis, name in enumerate(values):
        if name in fixed:
            place = values[name].index(fixed[name])
            table = table.take([place], axis=axis)
            values[name] = [fixed[name]]
    places = np.unravel_index(np.argmax(table), table.shape)
    params = {name: v[place] for (name, v), place in zip(values.items(), places, strict=True)}
    return params, float(table[places])
