"""One method, tuned and fitted on every row of a data set, and saved with its preprocessing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maxmargin._checks import InputError
from maxmargin.datasets import Dataset
from maxmargin.persistence import save_model
from maxmargin.studies import protocol
from maxmargin.studies.method import Method
from maxmargin.studies.preparation import build_preparation, text_columns
from maxmargin.studies.records import Record
from maxmargin.studies.tasks import Task, run_tasks


@dataclass(frozen=True)
class FittedMethod:
    """A pipeline fitted on every row, how its parameters were found, and what the fit warned of."""

    method: Method
    pipeline: Any
    params: dict[str, Any]
    validation_accuracy: float | None
    warnings: list[str]

    def save(self, dataset: Dataset, path: Path) -> Path:
        """Write the pipeline and what is needed to read new rows of the same kind."""
        # A label of texts such as "007" must not come back from another file as a number.
        label = [dataset.target_name] if dataset.y.dtype.kind == "U" else []
        metadata = {
            "method": self.method.name,
            "title": self.method.title,
            "params": self.params,
            "validation_accuracy": self.validation_accuracy,
            "feature_names": dataset.feature_names,
            "text_columns": [*text_columns(dataset.X), *label],
            "target": dataset.target_name,
            "kind": dataset.kind,
            "image_shape": list(dataset.image_shape) if dataset.image_shape else None,
            "data": {"name": dataset.name, "source": dataset.source, "n_samples": len(dataset.y)},
            "notes": dataset.notes,
        }
        return save_model(self.pipeline, path, metadata=metadata)


def fit_method(
    dataset: Dataset,
    method: Method,
    *,
    params: dict[str, Any] | None = None,
    cv: int = 3,
    seed: int = 0,
    jobs: int = 1,
    threads: int = 1,
) -> FittedMethod:
    """Fit a method with its preprocessing on every row.

    Parameters
    ----------
    dataset : Dataset
        Rows and labels.
    method : Method
        What to fit; one that trains a network as :func:`methods_on` makes it ready for the data set.
    params : dict, optional
        Parameters of the estimator; by default those of the method's grid with the best accuracy in
        stratified cross-validation, which preprocesses inside each fold, where there is more than one.
    cv, seed : int
        Folds of that cross-validation, and the seed that draws them and what is random in training a network.
    jobs : int, default=1
        Processes of that cross-validation.
    threads : int, default=1
        Threads of the fit on every row; where that trains a network, there are as many as ``jobs``.

    Raises
    ------
    InputError
        If a parameter is unknown, its value cannot be used, or the method fails on these rows.

    Examples
    --------
    >>> from maxmargin.datasets import load_dataset
    >>> from maxmargin.studies.methods import METHODS
    >>> fit_method(load_dataset("iris"), METHODS["m3"], params={"C": 1.0}).pipeline.classes_.tolist()
    ['setosa', 'versicolor', 'virginica']
    """
    from sklearn.pipeline import Pipeline
    from threadpoolctl import threadpool_limits

    method = method.seeded(seed)
    preparation, _ = build_preparation(dataset)
    accuracy = None
    if params is None:
        params, accuracy = _tune(dataset, method, preparation, cv, seed, jobs)
    estimator = method.build()
    unknown = sorted(set(params) - set(estimator.get_params()))
    if unknown:
        known = ", ".join(sorted(estimator.get_params()))
        raise InputError(f"method {method.name} has no parameter {unknown[0]!r}; choose from {known}")
    pipeline = Pipeline([("prepare", preparation), ("classify", estimator.set_params(**params))])
    try:
        with threadpool_limits(jobs if method.deep else threads), protocol.Watched() as watched:
            pipeline.fit(dataset.X, dataset.y)
            pipeline.predict(protocol.rows_of(dataset.X, [0]))  # some parameters are refused only here
    except (ValueError, TypeError) as error:
        raise InputError(f"method {method.name} cannot be fitted: {' '.join(str(error).split())}") from error
    return FittedMethod(method, pipeline, params, accuracy, watched.messages)


def _tune(
    dataset: Dataset, method: Method, preparation: Any, cv: int, seed: int, jobs: int
) -> tuple[dict[str, Any], float | None]:
    _, target = np.unique(dataset.y, return_inverse=True)
    pairs = protocol.folds(target, cv, seed) if method.is_tuned else []
    tasks = [
        Task({"fold": fold}, protocol.validate, (method, preparation, dataset.X, target, train, test))
        for fold, (train, test) in enumerate(pairs)
    ]
    records: list[Record] = [record for part in run_tasks(tasks, jobs) for record in part]
    failed = [record for record in records if record["kind"] == "failure"]
    if failed:
        raise InputError(f"method {method.name} cannot be fitted: {failed[0]['error']}")
    return protocol.choose(method.candidates, sorted(records, key=lambda record: record["fold"]))
