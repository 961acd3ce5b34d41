"""The last layer of a network, solved to its certified optimum on the features below it."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Dataset

from maxmargin._checks import InputError, check_positive
from maxmargin._typing import Floats, Ints
from maxmargin.deep.features import capturing, gathered, named_layer, streamed
from maxmargin.deep.heads import find_head


@dataclass(frozen=True)
class RefitResult:
    """How a last layer was solved for, and what that did.

    Attributes
    ----------
    estimator : estimator
        Fitted to all training rows; those of maxmargin carry their ``certificate_``.
    C : float or None
        The chosen C; None where the estimator has none.
    accuracy_before, accuracy_after : float
        On the validation rows: of the layer as it was, and as solved on the training rows without them.
    training_accuracy_before, training_accuracy_after : float
        On all training rows: of the layer as it was and as it is now.
    search : tuple of dict
        ``C`` and ``accuracy`` on the validation rows, by increasing C.
    """

    estimator: Any
    C: float | None
    accuracy_before: float
    accuracy_after: float
    training_accuracy_before: float
    training_accuracy_after: float
    search: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class _Rows:
    features: np.ndarray
    target: Ints

    def part(self, rows: Ints) -> "_Rows":
        return _Rows(self.features[rows], self.target[rows])

    def accuracy(self, solution: "_Solution") -> float:
        return float(np.mean(solution.scores(self.features).argmax(axis=1) == self.target))


@dataclass(frozen=True)
class _Solution:
    """A fitted estimator, and the weights and intercepts of its classes in the layer's precision."""

    estimator: Any
    C: float | None
    coef: Floats
    intercept: Floats

    def scores(self, features: np.ndarray) -> Floats:
        return features @ self.coef.T + self.intercept


def refit_head(
    model: nn.Module,
    data: Any,
    estimator: Any,
    *,
    y: Any = None,
    Cs: Sequence[float] | None = None,
    validation: Any = 0.2,
    layer: str | None = None,
    batch_size: int = 256,
    device: Any = None,
    seed: int = 0,
) -> RefitResult:
    """Solve the last layer of a network exactly, as a linear classifier of the features it is given.

    The other layers stay as they are. C is chosen on validation rows, the smallest of the best; then the
    estimator is fitted to all training rows and its weights are written into the layer, in its precision.
    Where anything fails, the model is left as it was.

    Parameters
    ----------
    model : nn.Module
        Any network with an nn.Linear at its end, those of :mod:`maxmargin.nn` included.
    data : array or tensor of shape (n, ...), torch Dataset, or DataLoader
        Training rows; the items of the latter two are pairs of an input and a label.
    estimator : estimator
        A linear classifier of maxmargin or scikit-learn whose scores are ``X @ coef_.T + intercept_``. It is
        cloned. For a layer without bias it has ``fit_intercept=False``.
    y : array of shape (n,), optional
        Labels in 0..n_classes-1, where ``data`` holds none.
    Cs : sequence of float, optional
        Values of C to try; by default the estimator's alone.
    validation : float, (X, y), Dataset or DataLoader, default=0.2
        The share of the training rows that are set apart to choose C, as many of each class; or rows of their
        own, which are never trained on.
    layer : str, optional
        Name of the layer to solve for; by default the head.
    batch_size, device
        As in :func:`maxmargin.deep.extract_features`.
    seed : int, default=0
        Decides which rows are set apart.

    Returns
    -------
    RefitResult
        The fitted estimator, the search, and the accuracies before and after.

    Raises
    ------
    InputError
        If the labels are not the layer's classes 0..n_classes-1, all of them; the layer has no bias for an
        intercept; or the estimator's scores are not linear with a row of ``coef_`` for each class.

    References
    ----------
    Tang (2013), section 2; Gogos (2023), section 5: SVMs on the features of trained networks.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from maxmargin.linear import CrammerSingerSVC
    >>> X, y = load_digits(return_X_y=True)
    >>> _ = torch.manual_seed(0)
    >>> net = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
    >>> result = refit_head(net, X / 16, CrammerSingerSVC(tol=1e-2), y=y, Cs=[0.01, 0.1])
    >>> result.accuracy_before < 0.2, result.accuracy_after > 0.9, result.estimator.converged_
    (True, True, True)
    >>> bool((net(torch.tensor(X / 16).float()).argmax(1).numpy() == y).mean() > 0.9)
    True
    """
    head = find_head(model) if layer is None else named_layer(model, layer)
    weight, bias = _parameters(head)
    share = _as_share(validation)

    def rows_of(data: Any, y: Any, name: str) -> _Rows:
        with (
            capturing(model, entry=head) as answer,
            closing(streamed(model, answer, data, batch_size, device, y=y, labelled=True)) as blocks,
        ):
            return _checked_rows(list(blocks), weight, name)

    rows = rows_of(data, y, "data")
    if missing := sorted(set(range(len(weight))) - set(rows.target.tolist())):
        raise InputError(f"the labels hold none of class {missing[0]}; the layer has {len(weight)} classes")
    if share is None:
        train, kept = rows, rows_of(*_pair(validation), "validation")
    else:
        train, kept = _split(rows, share, seed)
    before = _Solution(None, None, _doubles(weight), np.zeros(1) if bias is None else _doubles(bias))
    solutions = [_solved(each, train, weight.dtype, bias is not None) for each in _candidates(estimator, Cs)]
    accuracies = [kept.accuracy(solution) for solution in solutions]
    best = int(np.argmax(accuracies))
    final = solutions[best]
    if train is not rows:
        final = _solved(clone(final.estimator), rows, weight.dtype, bias is not None)
    result = RefitResult(
        estimator=final.estimator,
        C=final.C,
        accuracy_before=kept.accuracy(before),
        accuracy_after=accuracies[best],
        training_accuracy_before=rows.accuracy(before),
        training_accuracy_after=rows.accuracy(final),
        search=tuple({"C": s.C, "accuracy": a} for s, a in zip(solutions, accuracies, strict=True)),
    )
    _write(final, weight, bias)
    return result


@torch.no_grad()
def _write(solution: _Solution, weight: nn.Parameter, bias: nn.Parameter | None) -> None:
    weight.copy_(torch.from_numpy(solution.coef))
    if bias is not None:
        bias.copy_(torch.from_numpy(solution.intercept))


def _parameters(head: nn.Module) -> tuple[nn.Parameter, nn.Parameter | None]:
    weight, bias = head._parameters.get("weight"), head._parameters.get("bias")
    if weight is None or weight.ndim != 2 or not weight.is_floating_point():
        raise InputError(
            f"{type(head).__name__} holds no matrix of weights of its own; "
            "name an nn.Linear, and remove its parametrisations"
        )
    return weight, bias


def _checked_rows(blocks: list[tuple[np.ndarray, Any]], weight: nn.Parameter, name: str) -> _Rows:
    features = gathered(block for block, _ in blocks)
    target = np.concatenate([labels for _, labels in blocks])
    n_classes, n_features = weight.shape
    if features.shape[1] != n_features:
        raise InputError(
            f"the layer is given {features.shape[1]} features a row and has weights for {n_features}; "
            "it must be run on one vector a row"
        )
    if target.ndim != 1 or target.dtype.kind not in "iu":
        raise InputError(
            f"the labels of {name} are {target.dtype} of shape {target.shape}; give one int a row"
        )
    if outside := sorted(set(target.tolist()) - set(range(n_classes))):
        raise InputError(f"{name} has the label {outside[0]}; the layer's classes are 0..{n_classes - 1}")
    if not np.isfinite(features).all():
        raise InputError(
            f"the model makes NaN or infinite features of {name}; train it anew or scale its inputs"
        )
    return _Rows(features, target.astype(np.intp))


def _as_share(validation: Any) -> float | None:
    """The share that is set apart, or None where the rows are given."""
    given = isinstance(validation, Dataset | DataLoader) or (
        isinstance(validation, tuple | list) and len(validation) == 2
    )
    if given:
        return None
    if isinstance(validation, float) and 0 < validation < 1:
        return validation
    what = f"of {len(validation)} parts" if isinstance(validation, tuple | list) else repr(validation)
    raise InputError(f"validation is {what}; give a share between 0 and 1, or (X, y)")


def _pair(validation: Any) -> tuple[Any, Any]:
    return (validation, None) if isinstance(validation, Dataset | DataLoader) else tuple(validation)


def _split(rows: _Rows, share: float, seed: int) -> tuple[_Rows, _Rows]:
    everyone = np.arange(len(rows.target))
    try:
        train, kept = train_test_split(everyone, test_size=share, stratify=rows.target, random_state=seed)
    except ValueError as error:
        raise InputError(f"validation={share} cannot be set apart: {error}") from error
    return rows.part(np.sort(train)), rows.part(np.sort(kept))


def _candidates(estimator: Any, Cs: Sequence[float] | None) -> list[Any]:
    if not hasattr(estimator, "get_params"):
        raise InputError(f"{estimator!r} is no estimator; give a linear classifier")
    if Cs is None:
        return [clone(estimator)]
    if "C" not in estimator.get_params():
        raise InputError(f"{type(estimator).__name__} has no parameter C; leave Cs out")
    if not len(Cs):
        raise InputError("Cs is empty; give values of C to try")
    for C in Cs:
        check_positive(C, "a value of Cs")
    fresh: list[Any] = [clone(estimator) for _ in set(Cs)]
    return [each.set_params(C=float(C)) for each, C in zip(fresh, sorted(set(Cs)), strict=True)]


def _solved(estimator: Any, rows: _Rows, dtype: torch.dtype, has_bias: bool) -> _Solution:
    """Fit, and see that the scores are those of a linear layer."""
    name = type(estimator).__name__
    estimator.fit(rows.features, rows.target)
    exact = _as_layer(estimator)
    if exact is None or not _is_linear(exact, rows.features):
        raise InputError(
            f"the scores of {name} are not X @ coef_.T + intercept_ with a row for each class; "
            "give a linear one-vs-rest or all-in-one classifier"
        )
    if not has_bias and exact.intercept.any():
        raise InputError(
            f"the layer has no bias and {name} has an intercept; give {name}(fit_intercept=False)"
        )
    coef, intercept = (_doubles(torch.from_numpy(a).to(dtype)) for a in (exact.coef, exact.intercept))
    if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
        raise InputError(f"the solution at C={exact.C} overflows {dtype}; give smaller values of C")
    return replace(exact, coef=coef, intercept=intercept)


def _as_layer(estimator: Any) -> _Solution | None:
    """A row of weights and an intercept for each class."""
    if not (hasattr(estimator, "coef_") and hasattr(estimator, "decision_function")):
        return None
    coef = np.array(estimator.coef_, dtype=np.float64, ndmin=2)
    intercept = np.array(np.broadcast_to(np.ravel(estimator.intercept_), len(coef)), dtype=np.float64)
    if len(estimator.classes_) == 2 and len(coef) == 1:
        # The second class where w.x + b > 0: the difference of two scores.
        coef, intercept = np.vstack([-coef, coef]) / 2, np.append(-intercept, intercept) / 2
    return _Solution(estimator, estimator.get_params().get("C"), coef, intercept)


def _is_linear(solution: _Solution, features: np.ndarray) -> bool:
    """Whether the estimator's decisions are the scores of the layer."""
    if solution.coef.shape != (len(solution.estimator.classes_), features.shape[1]):
        return False
    scores = solution.scores(features)
    found = scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores
    expected = solution.estimator.decision_function(features)
    # The estimator may have multiplied in single precision.
    scale = np.abs(scores).max()
    return expected.shape == found.shape and np.allclose(found, expected, rtol=1e-4, atol=1e-4 * scale)


def _doubles(values: torch.Tensor) -> Floats:
    return values.detach().double().numpy(force=True)
