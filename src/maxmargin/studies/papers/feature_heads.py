"""A last layer among the classifiers of its features: as it was trained, or solved exactly."""

import copy
import time
from typing import Literal

from maxmargin.studies.papers.feature_classifiers import AT_ONCE, FeatureClassifier, Powers, Task
from maxmargin.studies.records import Record


class OwnHead(FeatureClassifier):
    """The network's own last layer, after the last epoch; and at the best epoch on the test rows."""

    kind: Literal["own-head"]

    def run(self, task: Task) -> None:
        """Take both from the record of the training."""
        record = task.learnt.record
        accuracies = record["curve"]["test_accuracy"]
        found = {name: record[name] for name in ("n_test", "n_train", "seconds")}
        for method, accuracy in ((task.method, accuracies[-1]), (f"{task.method}-peak", max(accuracies))):
            task.once("test", lambda a=accuracy: {"accuracy": a} | found, AT_ONCE, method=method)

    def effort(self, n_train: int) -> float:  # noqa: ARG002
        """Next to nothing: the training counts with its representation."""
        return 2 * AT_ONCE


class RefittedHead(FeatureClassifier):
    """The network's last layer, solved exactly on all training rows.

    Attributes
    ----------
    estimator : str
        What it is solved as, by the name of the class.
    C : Powers
        To choose from, on a fifth of the training rows.
    """

    kind: Literal["refitted-head"]
    estimator: Literal["OneVsRestSVC", "CrammerSingerSVC", "MultinomialLogisticRegression"]
    C: Powers

    def run(self, task: Task) -> None:
        """Refit and test."""
        task.once("test", lambda: self._tested(task), self.effort(len(task.y)))

    def effort(self, n_train: int) -> float:
        """Of the refit."""
        return 1e-3 * len(self.C.values) * n_train

    def _tested(self, task: Task) -> Record:
        from maxmargin import linear
        from maxmargin.deep import apply_net, refit_head

        rows, net = task.learnt.rows, copy.deepcopy(task.learnt.model[0])
        start = time.perf_counter()
        estimator = getattr(linear, self.estimator)()
        train, seed = rows.images(rows.train), task.seed
        result = refit_head(net, train, estimator, y=rows.y_train, Cs=self.C.values, seed=seed)
        predicted = apply_net(net, rows.images(rows.test)).argmax(axis=1)
        return task.scored(predicted) | {
            "n_train": len(rows.train),
            "seconds": round(time.perf_counter() - start, 3),
            "C": result.C,
            "validation_accuracy": round(result.accuracy_after, 6),
            "training_accuracy": round(result.training_accuracy_after, 6),
            "curve": {
                "C": [each["C"] for each in result.search],
                "accuracy": [round(each["accuracy"], 6) for each in result.search],
            },
        }
