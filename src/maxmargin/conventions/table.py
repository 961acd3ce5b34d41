"""The conventions, one row each."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias

from maxmargin._checks import InputError, check_choice, check_positive
from maxmargin.losses import (
    CrammerSinger,
    Hinge,
    Loss,
    OneVsRest,
    SmoothHinge,
    SoftmaxCrossEntropy,
    SquaredHinge,
    WestonWatkins,
)
from maxmargin.penalties import Frobenius, PairwiseMargin, Penalty

Size: TypeAlias = Literal["n_samples", "n_classes", "n_all", "total_weight"]
Sizes: TypeAlias = Mapping[Size, float | None]


@dataclass(frozen=True)
class Convention:
    """How an objective is written: ``[lambda] a P(W) + [C] / r sum_i weight_i loss_i``.

    Parameters
    ----------
    name : str
        Name, for messages.
    parameter : {"C", "lambda"}
        C multiplies the risk, lambda the penalty.
    losses : mapping of Loss to tuple of str, or None
        The losses that exist under this convention and, for each, the sizes whose product r divides its sum:
        "n_samples", "n_classes", "total_weight". None: every loss, undivided.
    penalty : Penalty, default=Frobenius()
        P: ``Frobenius()`` or ``PairwiseMargin(p)``.
    penalty_factor : float, default=1.0
        What multiplies P, before ``penalty_divided_by``; together they are a.
    penalty_divided_by : tuple of str, default=()
        The sizes that P is divided by.
    margin : float, default=1.0
        M, the margin that the hinge asks for: phi(M - u). Needs the hinge or the squared hinge.
    relative_scale : float, default=1.0
        m, what multiplies the gap u = f_y - f_k between two classes. One-vs-rest, whose margin is that of a
        single score, and cross-entropy do not see it.
    intercept_scaling : float or None, default=None
        s: the intercept is s times the weight of an appended column of the constant s, and regularised as
        such, by 1/2 (b/s)^2. None: the intercept is free.
    binary : bool, default=False
        Two classes share one vector w, in favour of the second, with the penalty of that one vector and the
        loss phi(1 - t w.x) or log(1 + exp(-t w.x)), where t is -1 for the first class and +1 for the second.

    Examples
    --------
    >>> CONVENTIONS["m3svm-script"].penalty_divided_by
    ('n_all',)
    """

    name: str
    parameter: Literal["C", "lambda"]
    losses: Mapping[Loss, tuple[Size, ...]] | None
    penalty: Penalty = field(default_factory=Frobenius)
    penalty_factor: float = 1.0
    penalty_divided_by: tuple[Size, ...] = ()
    margin: float = 1.0
    relative_scale: float = 1.0
    intercept_scaling: float | None = None
    binary: bool = False

    def __post_init__(self) -> None:
        check_choice(self.parameter, ["C", "lambda"], "parameter")
        for name in ("penalty_factor", "margin", "relative_scale"):
            check_positive(getattr(self, name), name)
        if not isinstance(self.penalty, Frobenius | PairwiseMargin):
            raise InputError(f"penalty is {self.penalty!r}; it must be Frobenius() or PairwiseMargin(p)")
        if self.intercept_scaling is not None:
            check_positive(self.intercept_scaling, "intercept_scaling")
        if self.penalty != Frobenius() and (self.binary or self.intercept_scaling is not None):
            raise InputError(
                f"{self.name} penalises by {self.penalty!r}, which takes two weights or more and leaves the "
                "intercept free; set binary=False and intercept_scaling=None"
            )

    def penalty_weight(self, sizes: Sizes) -> float:
        """What multiplies P(W), but for lambda."""
        return self.penalty_factor / self._product(self.penalty_divided_by, sizes)

    def risk_weight(self, loss: Loss, sizes: Sizes) -> float:
        """What multiplies the summed loss of W / ``weight_scale``, but for C: M^h / r."""
        # One vector counts its loss once, where one-vs-rest counts it for each of the two classes.
        copies = 2 if self.binary and isinstance(loss, OneVsRest) else 1
        return self.margin ** self._degree(loss) / (self._product(self._divisor(loss), sizes) * copies)

    def weight_scale(self, loss: Loss) -> float:
        """How much larger the weights are than ours: M / m."""
        self._divisor(loss)
        return self.margin / (
            1.0 if isinstance(loss, OneVsRest | SoftmaxCrossEntropy) else self.relative_scale
        )

    def _degree(self, loss: Loss) -> float:
        if self.margin == 1:
            return 0.0
        surrogate = getattr(loss, "surrogate", None)
        if not isinstance(surrogate, Hinge | SquaredHinge):
            raise InputError(
                f"{self.name} asks for a margin of {self.margin!r}, but {loss!r} does not scale with it; "
                "choose the surrogate from Hinge(), SquaredHinge() or set margin=1"
            )
        return 1.0 if isinstance(surrogate, Hinge) else 2.0

    def _divisor(self, loss: Loss) -> tuple[Size, ...]:
        if not callable(getattr(loss, "value", None)):
            raise InputError(
                f"loss is {loss!r}; it must be one of maxmargin.losses, such as {OneVsRest(SquaredHinge())!r}"
            )
        if self.losses is None:
            return ()
        if (kind := _kind(loss)) not in self.losses:
            raise InputError(f"{self.name} has no {loss!r}; choose from {', '.join(map(repr, self.losses))}")
        return self.losses[kind]

    def _product(self, names: tuple[Size, ...], sizes: Sizes) -> float:
        for name in names:
            if sizes[name] is None:
                of_weights = "n_samples, or total_weight where the rows are weighted"
                wanted = of_weights if name == "total_weight" else name
                raise InputError(f"{self.name} divides by {name}, which is unknown; give {wanted}")
            check_positive(sizes[name], name)  # pyright: ignore[reportArgumentType]
        return math.prod(float(sizes[name] or 0) for name in names)


def _kind(loss: Any) -> Loss:
    """The loss as the table lists it: the width of a smooth hinge is a parameter, not a kind."""
    if isinstance(getattr(loss, "surrogate", None), SmoothHinge):
        return replace(loss, surrogate=SmoothHinge())
    return loss


_OVR, _OVR_SQUARED = OneVsRest(Hinge()), OneVsRest(SquaredHinge())
_WW, _WW_SQUARED, _WW_SMOOTH = (WestonWatkins(phi) for phi in (Hinge(), SquaredHinge(), SmoothHinge()))
_CS, _SOFTMAX = CrammerSinger(Hinge()), SoftmaxCrossEntropy()
_ROWS_AND_CLASSES: tuple[Size, ...] = ("n_samples", "n_classes")

CONVENTIONS: Mapping[str, Convention] = {
    row.name: row
    for row in (
        Convention("maxmargin", "C", None),
        Convention("liblinear", "C", {_OVR: (), _OVR_SQUARED: (), _CS: ()}, intercept_scaling=1.0),
        # Of one vector for two classes these three are the same hinge.
        Convention("libsvm", "C", {_OVR: (), _CS: (), _WW: ()}, binary=True),
        Convention("shark", "C", {_OVR: (), _CS: (), _WW: ()}, relative_scale=0.5),
        # The weight_decay of an optimiser reaches the bias; the mean of cross_entropy is a weighted one.
        Convention(
            "torch",
            "lambda",
            {_WW: _ROWS_AND_CLASSES, _WW_SQUARED: _ROWS_AND_CLASSES, _SOFTMAX: ("total_weight",)},
            intercept_scaling=1.0,
        ),
        Convention("tang", "C", {_OVR: (), _OVR_SQUARED: ()}, intercept_scaling=1.0),
        Convention("m3svm-paper", "lambda", {_WW: (), _WW_SMOOTH: (), _SOFTMAX: ()}, PairwiseMargin(4.0)),
        # The script sums over ordered pairs, so that each pair counts twice.
        Convention(
            "m3svm-script",
            "lambda",
            {_SOFTMAX: _ROWS_AND_CLASSES},
            PairwiseMargin(4.0),
            penalty_factor=2.0,
            penalty_divided_by=("n_all",),
        ),
    )
}
"""The conventions by name."""


def convention(name: str, **changes: Any) -> Convention:
    """Return the convention ``name``, with some of its options changed.

    Parameters
    ----------
    name : str
        A key of ``CONVENTIONS``.
    **changes
        Fields of ``Convention`` and their new values.

    Returns
    -------
    Convention
        The row, changed.

    Raises
    ------
    InputError
        Where there is no such convention or field, or a value cannot be used.

    Examples
    --------
    What LinearSVC(intercept_scaling=10) solves, M3SVM at p = 6, and LogisticRegression of two classes:

    >>> convention("liblinear", intercept_scaling=10.0).intercept_scaling
    10.0
    >>> convention("m3svm-paper", penalty=PairwiseMargin(6)).penalty
    PairwiseMargin(p=6)
    >>> convention("maxmargin", binary=True).binary
    True
    """
    row = as_convention(name)
    for change in changes:
        check_choice(change, [f.name for f in fields(row) if f.name != "name"], "field of a convention")
    return replace(row, **changes)


def as_convention(row: str | Convention) -> Convention:
    """Return the convention that ``row`` names or is.

    Examples
    --------
    >>> as_convention("shark").relative_scale
    0.5
    """
    return row if isinstance(row, Convention) else CONVENTIONS[check_choice(row, CONVENTIONS, "convention")]


def pair_share(loss: Loss) -> float:
    """a, where one vector w of two classes stands for the weights (-a w, a w).

    Examples
    --------
    >>> pair_share(OneVsRest()), pair_share(CrammerSinger())
    (1.0, 0.5)
    """
    return 1.0 if isinstance(loss, OneVsRest) else 0.5
