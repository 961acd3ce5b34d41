"""The bound of M3SVM's Theorem 6, evaluated.

Rows within a ball of radius R around the origin are scored, for two classes k and l, at most
|(w_k - w_l).x| <= R |w_k - w_l|. So the operator that maps a classifier to the scores of its pairs has a norm
of at most R max_{k<l} |w_k - w_l| = 2 R / (the smallest margin) <= R (sum_{k<l} |w_k - w_l|^p)^(1/p). M3SVM
minimises the last of these; at p = 2 it is the Frobenius norm of the weights (Theorem 5).
"""

import warnings
from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np

from maxmargin._typing import Floats, Ints
from maxmargin.linear import M3SVC
from maxmargin.losses import SmoothHinge, WestonWatkins
from maxmargin.studies.papers.figure_part import Part
from maxmargin.studies.papers.linear_methods import LinearMethod, best
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.samples import Fold, Sample
from maxmargin.studies.records import Record

_FROBENIUS = 2
_LOSS = WestonWatkins(SmoothHinge(M3SVC().delta))
_NEAR = 0.01  # decades of C, that the training loss is matched within
_DECADES = 6  # beyond which a larger C changes a fit no more


class Bound(Part):
    """The bound for several p at the same training loss: that of p = 2, its C chosen by cross-validation.

    Attributes
    ----------
    ps : list of float
        Exponents.
    C : list of float
        Values to choose from at p = 2.
    """

    ps: list[float]
    C: list[float]

    def runs(self, folds: int) -> int:
        """One for each fold and p, and one that chooses."""
        return folds * (len(self.ps) + 1)

    def show(self, notebook: Notebook, sample: Sample, where: Record, folds: int, effort: float) -> None:
        """Fit to each training part."""
        method = LinearMethod(estimator="M3SVC", C=self.C, options={"p": _FROBENIUS})
        for fold in sample.folds(where["data"], folds, where["seed"]):
            place = {"kind": "search", "method": "m3svm"} | fold.place | {"grid_of": method.text()}
            grid = notebook.once(
                place, lambda fold=fold: method.searched(*fold.training, folds, fold.place["seed"]), effort
            )["grid"]
            chosen = best(grid)[0]["C"]
            for p in self.ps:
                place = {"kind": "bound", "method": f"p = {p:g}"} | fold.place | {"p": p}
                notebook.once(place, lambda fold=fold, p=p, chosen=chosen: _bounded(fold, p, chosen), effort)


def _bounded(fold: Fold, p: float, chosen: float) -> Record:
    X, unseen = fold.standardised()
    y = fold.y[fold.train]
    wanted = _loss_of(_fitted(M3SVC(p=_FROBENIUS), X, y, chosen), X, y)
    model = M3SVC(p=p, warm_start=True)
    C = matched(lambda C: _loss_of(_fitted(model, X, y, C), X, y), wanted, chosen)
    _fitted(model, X, y, C)
    apart = _differences(model)
    lengths, radius = np.linalg.norm(apart, axis=1), float(np.linalg.norm(X, axis=1).max())
    scored = fold.scored(model.predict(unseen))
    found = {
        "C": C,
        "training_loss": _loss_of(model, X, y),
        "radius": radius,
        "smallest_margin": float(2 / lengths.max()),
        "attained": float(np.abs(X @ apart.T).max()),
        "bound": radius * float(lengths.max()),
        "bound_by_sum": radius * float(np.sum(lengths**p) ** (1 / p)),
    }
    shares = {name: scored[name] for name in ("accuracy", "n_train", "n_test")}
    return shares | {name: float(f"{value:.5g}") for name, value in found.items()}


def matched(loss: Callable[[float], float], wanted: float, start: float) -> float:
    """The C, near ``start``, at which a loss that falls with C is as wanted; a large one where none is.

    Examples
    --------
    >>> round(matched(lambda C: 1 / C, wanted=0.02, start=1.0))
    50
    """
    from scipy.optimize import brentq

    @cache  # a fit that goes on from the last one is not the same the second time
    def excess(decade: float) -> float:
        return float(np.log(loss(10.0**decade) / wanted))

    low = high = float(np.log10(start))
    while excess(low) < 0:
        low -= 1
    while excess(high) > 0 and high < low + _DECADES:
        high += 1
    reached = low < high and excess(high) <= 0
    decade: Any = brentq(excess, low, high, xtol=_NEAR) if reached else high
    return float(10.0**decade)


def _fitted(model: M3SVC, X: Floats, y: Ints, C: float) -> M3SVC:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.set_params(C=C, max_iter=10000).fit(X, y)


def _loss_of(model: M3SVC, X: Floats, y: Ints) -> float:
    """Mean loss of the rows, without the penalty."""
    return float(np.mean(_LOSS.value(X @ model.coef_.T + model.intercept_, y)))


def _differences(model: M3SVC) -> Floats:
    """w_k - w_l of each two classes."""
    first, second = np.array(list(combinations(range(len(model.coef_)), 2))).T
    return model.coef_[first] - model.coef_[second]
