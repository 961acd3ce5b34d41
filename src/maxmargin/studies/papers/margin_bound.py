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
from maxmargin.penalties import PairwiseMargin
from maxmargin.studies.papers.figure_part import Part
from maxmargin.studies.papers.linear_methods import LinearMethod, best
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.samples import Fold, Sample
from maxmargin.studies.records import Record

_FROBENIUS = 2
_LOSS = WestonWatkins(SmoothHinge(M3SVC().delta))
_NEAR = 0.003  # decades of C, that it is searched within
_MATCHED = 0.02  # how far, relatively, the training losses of a comparison may be apart
_DECADES = 4  # of C, on either side of where the match is expected


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
    frobenius = _fitted(M3SVC(p=_FROBENIUS), X, y, chosen)
    wanted = _loss_of(frobenius, X, y)
    model = M3SVC(p=p, warm_start=True)
    C = matched(lambda C: _loss_of(_fitted(model, X, y, C), X, y), wanted, _expected(p, frobenius))
    loss = _loss_of(_fitted(model, X, y, C), X, y)
    apart = _differences(model)
    lengths, radius = np.linalg.norm(apart, axis=1), float(np.linalg.norm(X, axis=1).max())
    widest = float(np.linalg.norm(_differences(frobenius), axis=1).max())
    scored = fold.scored(model.predict(unseen))
    found = {
        "C": C,
        "training_loss": loss,
        "radius": radius,
        "smallest_margin": float(2 / lengths.max()),
        "attained": float(np.abs(X @ apart.T).max()),
        "bound": radius * float(lengths.max()),
        "bound_by_sum": radius * float(np.sum(lengths**p) ** (1 / p)),
        "relative_bound": float(lengths.max()) / widest,
    }
    shares = {name: scored[name] for name in ("accuracy", "n_train", "n_test")}
    is_matched = abs(np.log(loss / wanted)) <= _MATCHED
    return {"matched": bool(is_matched)} | shares | {k: float(f"{v:.5g}") for k, v in found.items()}


def _expected(p: float, frobenius: M3SVC) -> float:
    """The C at which weights along those of p = 2 are a solution for p as well.

    A penalty P_p of degree p has <grad P_p(W), W> = p P_p(W), which C times a slope of the loss equals.
    """
    degrees = [q * float(PairwiseMargin(q).value_and_gradient(frobenius.coef_)[0]) for q in (p, _FROBENIUS)]
    return float(frobenius.C) * degrees[0] / degrees[1]


def matched(loss: Callable[[float], float], wanted: float, start: float) -> float:
    """The C, near ``start``, at which a loss that falls with C is as wanted; the last tried where none is.

    Examples
    --------
    >>> round(matched(lambda C: 1 / C, wanted=0.02, start=1.0), 1)
    50.0
    """
    from scipy.optimize import brentq

    @cache  # a fit that goes on from the last one is not the same the second time
    def excess(decade: float) -> float:
        return float(np.log(loss(10.0**decade) / wanted))

    first = float(np.log10(start))
    if excess(first) == 0:
        return start
    towards = 1 if excess(first) > 0 else -1
    for last in first + towards * np.arange(1, _DECADES + 1, dtype=float):
        if excess(float(last)) * towards <= 0:
            root: Any = brentq(excess, float(last) - towards, float(last), xtol=_NEAR)
            return float(10.0**root)
    return float(10.0 ** (first + towards * _DECADES))


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
