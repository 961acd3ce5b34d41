"""M3SVM over the steps of Adam, and over lambda."""

import numpy as np

from maxmargin.conventions import convention, convert
from maxmargin.linear import M3SVC
from maxmargin.losses import SmoothHinge, WestonWatkins
from maxmargin.penalties import PairwiseMargin
from maxmargin.studies.papers.figure_part import Part
from maxmargin.studies.papers.full_batch_adam import FullBatch, adam
from maxmargin.studies.papers.linear_methods import LinearMethod
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.samples import Fold, Sample
from maxmargin.studies.records import Record

_LOSS = WestonWatkins(SmoothHinge(M3SVC().delta))
_SHOWN = 100  # points of a curve, about


class Steps(Part):
    """Objective and test accuracy over full-batch steps of Adam on one fold, as the paper trains M3SVM.

    Attributes
    ----------
    lr, lam, p : float
        Rate of Adam, and the paper's lambda and p.
    steps : int
        How many.
    """

    lr: float
    lam: float
    p: float
    steps: int

    def runs(self, folds: int) -> int:  # noqa: ARG002
        """One."""
        return 1

    def show(self, notebook: Notebook, sample: Sample, where: Record, folds: int, effort: float) -> None:
        """Train on the first fold's training rows."""
        fold = next(sample.folds(where["data"], folds, where["seed"]))
        place = {"kind": "steps", "method": "adam"} | fold.place
        settings = {"lr": self.lr, "lambda": self.lam, "p": self.p}
        notebook.once(place | settings, lambda: self._trained(fold), effort)

    def _trained(self, fold: Fold) -> Record:
        train, test = fold.standardised()
        y, y_test = fold.y[fold.train], fold.y[fold.test]
        objective = FullBatch(train, y, _LOSS, PairwiseMargin(self.p), risk=1.0, strength=self.lam)
        exact = M3SVC(strength_to_C(self.lam, self.p), p=self.p, max_iter=10000).fit(train, y)
        optimum, _ = objective.value_and_gradient(np.column_stack([exact.coef_, exact.intercept_]))
        every = max(1, self.steps // _SHOWN)
        steps, values, shares = [], [], []
        path = adam(objective, int(fold.y.max()) + 1, lr=self.lr, steps=self.steps, seed=fold.place["seed"])
        for step, (coef, intercept, value) in enumerate(path):
            if step % every == 0:
                steps.append(step)
                values.append(float(f"{value:.6g}"))
                right = np.argmax(test @ coef.T + intercept, axis=1) == y_test
                shares.append(round(float(np.mean(right)), 4))
        return {
            "accuracy": shares[-1],
            "accuracy_of_optimum": round(float(exact.score(test, y_test)), 4),
            "n_train": len(train),
            "n_test": len(test),
            "optimum": float(f"{optimum:.6g}"),
            "curve": {
                "step": steps,
                "objective": values,
                "distance": [float(f"{value / optimum - 1:.3g}") for value in values],
                "accuracy": shares,
            },
        }


class Strengths(Part):
    """Test accuracy over lambda at one p, fold by fold.

    Attributes
    ----------
    p : float
        Exponent of the penalty.
    lambdas : list of float
        The paper's lambda.
    """

    p: float
    lambdas: list[float]

    def runs(self, folds: int) -> int:
        """One for each fold and lambda."""
        return folds * len(self.lambdas)

    def show(self, notebook: Notebook, sample: Sample, where: Record, folds: int, effort: float) -> None:
        """Fit to each training part."""
        for fold in sample.folds(where["data"], folds, where["seed"]):
            for lam in self.lambdas:
                place = {"kind": "strength", "method": "m3svm"} | fold.place | {"p": self.p, "lambda": lam}
                notebook.once(place, lambda fold=fold, lam=lam: self._tested(fold, lam), effort)

    def _tested(self, fold: Fold, lam: float) -> Record:
        C = strength_to_C(lam, self.p)
        model, how = LinearMethod(estimator="M3SVC", C=[C]).fitted(*fold.training, {"C": C, "p": self.p})
        scored = fold.scored(model.predict(fold.X[fold.test]))
        return {name: value for name, value in scored.items() if name != "confusion"} | how


def strength_to_C(lam: float, p: float) -> float:  # noqa: N802
    """The C that the paper's lambda is.

    Examples
    --------
    >>> strength_to_C(0.01, 4)
    100.0
    """
    theirs, ours = (convention(name, penalty=PairwiseMargin(p)) for name in ("m3svm-paper", "maxmargin"))
    return convert(lam, theirs, ours, loss=_LOSS)
