"""Parameters and weights from one convention to another."""

from typing import Any

import numpy as np

from maxmargin._checks import InputError, check_positive
from maxmargin._typing import Floats
from maxmargin.conventions.table import Convention, Sizes, as_convention, pair_share
from maxmargin.losses import Loss, OneVsRest
from maxmargin.penalties import Frobenius, PairwiseMargin


def convert(
    value: float,
    source: str | Convention,
    target: str | Convention,
    *,
    loss: Loss,
    fit_intercept: bool = True,
    n_samples: int | None = None,
    n_classes: int | None = None,
    n_all: int | None = None,
    total_weight: float | None = None,
) -> float:
    """Give the C or lambda of ``target`` that has the minimisers of ``source`` at ``value``.

    They are the same up to the scale that ``convert_coef`` applies. Between 1/2 |W|^2 and the pairwise
    penalty at p = 2 they agree because sum_{k<l} |w_k - w_l|^2 = c |W|^2 where the weights sum to zero
    (Lemma 3 of M3SVM), as they do at the optimum of a loss of gaps between classes.

    Parameters
    ----------
    value : float
        C or lambda, positive.
    source, target : str or Convention
        A name out of ``CONVENTIONS``, or a row made by ``convention``.
    loss : Loss
        The loss, with its margin of 1 and undivided, as maxmargin writes it.
    fit_intercept : bool, default=True
        Whether there is an intercept besides the columns of X.
    n_samples, n_classes : int, optional
        Training rows and classes, where a mean is over them.
    n_all : int, optional
        Rows with the test rows, by which the M3SVM script divides its penalty.
    total_weight : float, optional
        Sum of the sample weights, by which torch's cross_entropy divides; ``n_samples`` by default.

    Returns
    -------
    float
        C or lambda of ``target``.

    Raises
    ------
    InputError
        Where one of the two lacks the loss, only one regularises the intercept, their penalties differ, or a
        size is needed and not given.

    Examples
    --------
    >>> from maxmargin.conventions import convention
    >>> from maxmargin.losses import CrammerSinger, SoftmaxCrossEntropy
    >>> from maxmargin.penalties import PairwiseMargin
    >>> convert(1.0, "maxmargin", "shark", loss=CrammerSinger())
    4.0

    The weight_decay in torch that gives LogisticRegression(C=0.5) of 1000 rows, the bias not decayed:

    >>> free = convention("torch", intercept_scaling=None)
    >>> convert(0.5, "maxmargin", free, loss=SoftmaxCrossEntropy(), n_samples=1000)
    0.002

    The C of M3LogisticRegression that solves what the M3SVM script sets out to on Vehicle, at lambda = 1e-4:

    >>> ours = convention("maxmargin", penalty=PairwiseMargin(4))
    >>> sizes = {"n_samples": 756, "n_classes": 4, "n_all": 946}
    >>> round(convert(1e-4, "m3svm-script", ours, loss=SoftmaxCrossEntropy(), **sizes), 3)
    1564.153
    """
    check_positive(value, "value")
    source, target = as_convention(source), as_convention(target)
    if fit_intercept and source.intercept_scaling != target.intercept_scaling:
        raise InputError(
            f"{source.name} {_intercept(source)}, {target.name} {_intercept(target)}: with an intercept "
            "their optima differ at every parameter; convert with fit_intercept=False (a constant column "
            "of X is no intercept), or change one by convention(name, intercept_scaling=...)"
        )
    if total_weight is None:
        total_weight = n_samples
    sizes: Sizes = {
        "n_samples": n_samples,
        "n_classes": n_classes,
        "n_all": n_all,
        "total_weight": total_weight,
    }
    mean_zero = _differ_by_mean(source, target, loss)
    ratio = _unit(source, loss, sizes, mean_zero=mean_zero)
    C = value * ratio if source.parameter == "C" else ratio / value
    ratio = _unit(target, loss, sizes, mean_zero=mean_zero)
    return C / ratio if target.parameter == "C" else ratio / C


def convert_coef(
    coef: Any, intercept: Any, source: str | Convention, target: str | Convention, *, loss: Loss
) -> tuple[Floats, Floats]:
    """Rewrite the coefficients of ``source`` in the units of ``target``, which predict the same.

    The weights are scaled by what the margins differ, and two classes change between one vector w and the two
    of least norm that make the same loss: (-w, w) for one-vs-rest, (-w/2, w/2) for losses of gaps.

    Parameters
    ----------
    coef : array of shape (n_classes, n_features)
        Weights; of shape (1, n_features) under a binary convention.
    intercept : array of shape (n_classes,), 0 or None
        Intercepts; of shape (1,) under a binary convention. None and 0 stand for none.
    source, target : str or Convention
        A name out of ``CONVENTIONS``, or a row made by ``convention``.
    loss : Loss
        The loss that they were fitted by.

    Returns
    -------
    coef : ndarray of shape (n_classes, n_features) or (1, n_features)
        Weights under ``target``.
    intercept : ndarray of shape (n_classes,) or (1,)
        Intercepts under ``target``.

    Raises
    ------
    InputError
        Where one of the two lacks the loss, or a shape does not fit.

    Examples
    --------
    >>> from maxmargin.conventions import convention
    >>> from maxmargin.losses import CrammerSinger
    >>> convert_coef([[1.0], [-1.0]], None, "maxmargin", "shark", loss=CrammerSinger())
    (array([[ 2.], [-2.]]), array([0., 0.]))

    LinearSVC(multi_class="crammer_singer") shows, of two classes, the difference of what it fitted:

    >>> difference = convention("liblinear", binary=True)
    >>> convert_coef([[3.0]], [1.0], difference, "liblinear", loss=CrammerSinger())
    (array([[-1.5], [ 1.5]]), array([-0.5, 0.5]))
    """
    source, target = as_convention(source), as_convention(target)
    coef, intercept = as_parameters(coef, intercept, source)
    scale = target.weight_scale(loss) / source.weight_scale(loss)
    share = pair_share(loss)
    if source.binary and not target.binary:
        coef, intercept = np.vstack([-coef, coef]) * share, np.hstack([-intercept, intercept]) * share
    elif target.binary and not source.binary:
        if len(coef) != 2:
            raise InputError(f"coef has {len(coef)} rows, but {target.name} is of two classes; give two rows")
        coef, intercept = np.diff(coef, axis=0) / (2 * share), np.diff(intercept) / (2 * share)
    return coef * scale, intercept * scale


def as_parameters(coef: Any, intercept: Any, row: Convention) -> tuple[Floats, Floats]:
    """Weights and intercepts as arrays, of the shapes that ``row`` has.

    Examples
    --------
    >>> as_parameters([[1.0], [2.0]], None, as_convention("maxmargin"))[1]
    array([0., 0.])
    """
    coef = as_floats(coef, "coef")
    if coef.ndim != 2 or (len(coef) != 1 if row.binary else len(coef) < 2):
        wanted = "(1, n_features), one vector of two classes" if row.binary else "(n_classes, n_features)"
        raise InputError(
            f"coef has shape {coef.shape}; under {row.name} it must be of shape {wanted} "
            "(convert_coef turns one vector into two and back, convention(name, binary=...) says which it is)"
        )
    intercept = as_floats(0.0 if intercept is None else intercept, "intercept")
    if intercept.shape != (len(coef),) and not (intercept.ndim == 0 and intercept == 0):
        raise InputError(
            f"intercept has shape {intercept.shape}; it must be of shape ({len(coef)},), or None for none"
        )
    return coef, np.broadcast_to(intercept, (len(coef),))


def as_floats(array: Any, name: str) -> Floats:
    """Return ``array`` as finite float64 numbers.

    Examples
    --------
    >>> as_floats([1, 2], "coef")
    array([1., 2.])
    """
    try:
        floats = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is not a dense array of numbers; give one") from None
    if not np.isfinite(floats).all():
        raise InputError(f"{name} holds NaN or infinity; give finite numbers")
    return floats


def _intercept(row: Convention) -> str:
    if row.intercept_scaling is None:
        return "leaves the intercept free"
    return f"regularises the intercept (intercept_scaling={row.intercept_scaling!r})"


def _differ_by_mean(source: Convention, target: Convention, loss: Loss) -> bool:
    """Whether 1/2 |W|^2 on one side stands against the pairwise penalty at p = 2 on the other."""
    if source.penalty == target.penalty:
        return False
    alike = all(row.penalty in (Frobenius(), PairwiseMargin(2)) for row in (source, target))
    if not alike or isinstance(loss, OneVsRest):
        raise InputError(
            f"{source.name} penalises by {source.penalty!r}, {target.name} by {target.penalty!r}: under "
            f"{loss!r} their optima differ at every parameter; give both the same, convention(name, "
            "penalty=...) (only Frobenius() and PairwiseMargin(p=2) agree, for losses of gaps of classes)"
        )
    return True


def _unit(row: Convention, loss: Loss, sizes: Sizes, *, mean_zero: bool) -> float:
    """Our C where the parameter of ``row`` is 1: what the risk weighs over what the penalty does."""
    degree = row.penalty.p if isinstance(row.penalty, PairwiseMargin) else 2
    penalty = row.penalty_weight(sizes) * row.weight_scale(loss) ** degree
    if mean_zero and isinstance(row.penalty, PairwiseMargin):
        if sizes["n_classes"] is None:
            raise InputError(f"{row.name} counts each pair of classes; give n_classes")
        penalty *= 2 * sizes["n_classes"]
    if row.binary:
        # 1/2 |w|^2 = 1/2 |(-a w, a w)|^2 / (2 a^2).
        penalty /= 2 * pair_share(loss) ** 2
    return row.risk_weight(loss, sizes) / penalty
