"""The protocol of a comparison: repeated splits, tuning in the training part, one score on the test part."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from maxmargin._checks import InputError
from maxmargin._typing import Ints
from maxmargin.metrics import confusion_matrix, margins, per_class_recall
from maxmargin.studies.method import Method, NetSettings
from maxmargin.studies.records import Record

_LARGEST_SEED = 2**32 - 1
_TUNING_TOL = 1e-3  # below it the accuracy hardly moves; the chosen parameters are fitted to the default


@dataclass(frozen=True)
class Settings:
    """How methods are compared.

    Parameters
    ----------
    methods : tuple of str, optional
        Names of methods; all by default.
    cv : int, default=3
        Folds that choose the parameters inside each training part.
    repeats : int, default=5
        Splits into a training and a test part.
    test_size : float, default=0.25
        Share of the rows in the test part.
    seed : int, default=0
        Of the splits, which are those of scikit-learn's ``StratifiedShuffleSplit`` with this
        ``random_state``, and of the folds.
    max_samples : int, optional
        Rows to use at most, drawn by class; all by default.
    net : str, optional
        The network of the deep methods, one of :data:`~maxmargin.studies.method.NETWORKS`; by default one
        that suits the data. Where no methods are named, it adds the deep ones to them.
    epochs : int, default=20
        Passes over the training rows of these networks.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where they are trained.

    Examples
    --------
    >>> Settings(cv=1)
    Traceback (most recent call last):
        ...
    maxmargin._checks.InputError: --cv is 1; it must be at least 2
    """

    methods: tuple[str, ...] | None = None
    cv: int = 3
    repeats: int = 5
    test_size: float = 0.25
    seed: int = 0
    max_samples: int | None = None
    net: str | None = None
    epochs: int = 20
    device: str = "auto"

    def __post_init__(self) -> None:
        for name, least in (("cv", 2), ("repeats", 1), ("seed", 0), ("max_samples", 4), ("epochs", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{option(name)} is {value}; it must be at least {least}")
        if not 0 < self.test_size < 1:
            raise InputError(f"--test-size is {self.test_size}; it must lie between 0 and 1")
        if self.seed + self.repeats > _LARGEST_SEED:
            raise InputError(f"--seed is {self.seed}; it must be below {_LARGEST_SEED - self.repeats}")
        _ = self.nets  # which checks the name

    @property
    def nets(self) -> NetSettings:
        """How networks are trained."""
        return NetSettings(self.net, self.epochs, self.device)


def option(name: str) -> str:
    """Name of a setting on the command line.

    Examples
    --------
    >>> option("test_size")
    '--test-size'
    """
    return "--" + name.replace("_", "-")


def splits(target: Ints, settings: Settings) -> list[tuple[Ints, Ints]]:
    """(training rows, test rows) of each repeat, by class.

    Raises
    ------
    InputError
        Where a part has fewer rows than there are classes, or tuning could not see two classes.
    """
    from sklearn.model_selection import StratifiedShuffleSplit

    n_samples, n_classes = len(target), int(target.max()) + 1
    n_test = int(np.ceil(settings.test_size * n_samples))
    if min(n_test, n_samples - n_test) < n_classes:
        raise InputError(
            f"--test-size {settings.test_size} leaves {n_samples - n_test} training and {n_test} test rows "
            f"for {n_classes} classes; choose one that leaves a row a class in both, or use more rows"
        )
    splitter = StratifiedShuffleSplit(
        settings.repeats, test_size=settings.test_size, random_state=settings.seed
    )
    pairs = [(train, test) for train, test in splitter.split(np.zeros(n_samples), target)]
    if any(np.sort(np.bincount(target[train]))[-2] < 2 for train, _ in pairs):
        raise InputError("a training part holds two rows of one class only: tuning needs two; use more rows")
    return pairs


def folds(target: Ints, cv: int, seed: int) -> list[tuple[Ints, Ints]]:
    """(training rows, validation rows) of each fold, by class; fewer folds where no class has ``cv`` rows."""
    from sklearn.model_selection import StratifiedKFold

    n_folds = min(cv, int(np.sort(np.bincount(target))[-2]))
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer rows than folds is missing from some validation parts, which is no error.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        return list(splitter.split(np.zeros(len(target)), target))


def fewer_folds(n_folds: int, cv: int) -> list[str]:
    """What to say where there are fewer folds than were asked for.

    Examples
    --------
    >>> fewer_folds(5, cv=5)
    []
    """
    if n_folds == cv:
        return []
    return [f"{n_folds} folds choose the parameters: the second largest class has no more training rows"]


def validate(method: Method, preparation: Any, X: Any, target: Ints, train: Ints, test: Ints) -> list[Record]:
    """Score every candidate of a method on one fold: one record each."""
    prepared, estimator = _clone(preparation), method.build()
    with Watched():
        X_train, X_test = prepared.fit_transform(rows_of(X, train)), prepared.transform(rows_of(X, test))
    if "warm_start" in estimator.get_params():
        estimator.set_params(warm_start=True, tol=_TUNING_TOL)
    records = []
    for params in method.candidates:
        if params.get("n_neighbors", 1) > len(train):
            continue
        with Watched() as watched:
            estimator.set_params(**params).fit(X_train, target[train])
            watched.fitted()
            predicted = estimator.predict(X_test)
        accuracy = float(np.mean(predicted == target[test]))
        record = {"kind": "validation", "params": params, "accuracy": accuracy}
        records.append(record | watched.record(estimator))
    return records


def evaluate(
    method: Method, preparation: Any, params: dict[str, Any], X: Any, target: Ints, train: Ints, test: Ints
) -> list[Record]:
    """Fit a method with chosen parameters and score it once on the test rows: one record."""
    prepared, estimator = _clone(preparation), method.build().set_params(**params)
    with Watched() as watched:
        estimator.fit(prepared.fit_transform(rows_of(X, train)), target[train])
        watched.fitted()
        X_test = prepared.transform(rows_of(X, test))
        predicted = estimator.predict(X_test)
    confusion = confusion_matrix(target[test], predicted, int(target.max()) + 1)
    record = {
        "kind": "test",
        "params": params,
        "accuracy": float(np.mean(predicted == target[test])),
        "recall": [None if np.isnan(share) else float(share) for share in per_class_recall(confusion)],
        "confusion": confusion.tolist(),
        "rows": test.tolist(),
        "predictions": predicted.tolist(),
        "margins": _margins(estimator, X_test, predicted, target[test]),
    }
    return [record | network_record(estimator) | watched.record(estimator)]


def network_record(estimator: Any) -> Record:
    """What a record keeps of a network in a fitted estimator: its learning curve and its first filters."""
    parts = [part for _, part in estimator.steps] if hasattr(estimator, "steps") else [estimator]
    trained = [part for part in parts if hasattr(part, "history_")]
    if not trained:
        return {}
    from maxmargin.deep.filters import first_filters

    filters = first_filters(trained[0].net_)
    return {"history": [_rounded(epoch) for epoch in trained[0].history_], "filters": filters}


def _rounded(epoch: dict[str, Any]) -> dict[str, Any]:
    return {key: float(f"{x:.5g}") if isinstance(x, float) else x for key, x in epoch.items()}


def choose(
    candidates: Sequence[dict[str, Any]], records: Sequence[Record]
) -> tuple[dict[str, Any], float | None]:
    """The candidate of the highest mean accuracy over the folds, the first among equals, and that accuracy.

    A single candidate needs no records; its accuracy is None.

    Examples
    --------
    >>> records = [{"params": {"C": 1}, "accuracy": 0.5}, {"params": {"C": 9}, "accuracy": 0.5}]
    >>> choose([{"C": 1}, {"C": 9}], records)
    ({'C': 1}, 0.5)
    """
    if len(candidates) == 1:
        return candidates[0], None
    best: tuple[dict[str, Any], float] | None = None
    for params in candidates:
        scores = [record["accuracy"] for record in records if record["params"] == params]
        # Rounded, so that the order of summation does not break a tie.
        mean = round(float(np.mean(scores)), 12) if scores else -np.inf
        if best is None or mean > best[1]:
            best = params, mean
    if best is None:
        raise InputError("no candidate to choose from")
    return best


class Watched:
    """Seconds and warnings of one fit and prediction."""

    def __enter__(self) -> "Watched":
        self._catcher = warnings.catch_warnings(record=True)
        self._caught = self._catcher.__enter__()
        warnings.simplefilter("always")
        # NearestCentroid says this of any constant column; its predictions do not use those deviations.
        warnings.filterwarnings("ignore", message=r"self\.within_class_std_dev_ has at least 1 zero")
        self._began = self._fitted = time.perf_counter()
        return self

    def fitted(self) -> None:
        """Mark the end of the fit."""
        self._fitted = time.perf_counter()

    def __exit__(self, *error: Any) -> None:
        self._ended = time.perf_counter()
        self._catcher.__exit__(*error)

    @property
    def messages(self) -> list[str]:
        """What was warned of, each thing once."""
        return list(dict.fromkeys(" ".join(str(w.message).split()) for w in self._caught))

    def record(self, estimator: Any) -> Record:
        """What a record keeps of it."""
        iterations = getattr(estimator, "n_iter_", None)
        return {
            "fit_seconds": self._fitted - self._began,
            "predict_seconds": self._ended - self._fitted,
            "converged": bool(getattr(estimator, "converged_", True)),
            "n_iter": int(np.max(iterations)) if iterations is not None else None,
            "warnings": self.messages,
        }


def _margins(estimator: Any, X: Any, predicted: Ints, target: Ints) -> list[float] | None:
    """Margins of the rows, where the estimator's largest score is its prediction for each of them."""
    if not hasattr(estimator, "decision_function"):
        return None
    scores = np.asarray(estimator.decision_function(X), dtype=float)
    if scores.ndim == 1:
        scores = np.column_stack([-scores / 2, scores / 2])
    complete = np.array_equal(estimator.classes_, np.arange(scores.shape[1]))
    if not complete or target.max() >= scores.shape[1] or not np.isfinite(scores).all():
        return None
    if not np.array_equal(np.argmax(scores, axis=1), predicted):
        return None
    return [float(f"{margin:.5g}") for margin in margins(scores, target)]


def rows_of(X: Any, rows: Any) -> Any:
    """These rows of a DataFrame, an array or a sparse matrix."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def _clone(estimator: Any) -> Any:
    from sklearn.base import clone

    return clone(estimator)
