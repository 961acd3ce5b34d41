"""The methods that a comparison knows: an estimator and the parameters to choose from, under a short name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from maxmargin._checks import InputError

_HINGE_GRID = {"C": (0.001, 0.01, 0.1, 1.0, 10.0)}
_MAX_ITER = 10000  # the last steps of a barely regularised machine are many, and cheap


@dataclass(frozen=True)
class Method:
    """A classifier and the parameters that cross-validation chooses from.

    Attributes
    ----------
    name : str
        Short name, for the command line and the records.
    title : str
        What the field calls it.
    summary : str
        What it minimises or does, in one sentence.
    build : callable
        Makes a fresh estimator.
    grid : mapping from parameter to values
        The last parameter varies fastest; among equally good choices the first wins, so values go from the
        stronger to the weaker regularisation.
    linear : bool
        Whether it is one of maxmargin's linear margin methods, which are also ranked among themselves.
    """

    name: str
    title: str
    summary: str
    build: Callable[[], Any]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    linear: bool = False

    @property
    def candidates(self) -> list[dict[str, Any]]:
        """Every combination of the grid, in order."""
        return [dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())]

    @property
    def has_probabilities(self) -> bool:
        """Whether the fitted estimator has ``predict_proba``."""
        return hasattr(self.build(), "predict_proba")


def _linear(name: str) -> Callable[[], Any]:
    def build() -> Any:
        from maxmargin import linear

        return getattr(linear, name)(max_iter=_MAX_ITER)

    return build


def _nearest_centroid() -> Any:
    from sklearn.neighbors import NearestCentroid

    return NearestCentroid()


def _nearest_neighbours() -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(algorithm="brute")


def _rbf_svc() -> Any:
    from maxmargin.kernel import KernelSVC

    return KernelSVC()


def _dummy() -> Any:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="most_frequent")


_ALL = (
    Method(
        "softmax",
        "Multinomial logistic regression",
        "softmax cross-entropy with a squared-norm penalty",
        _linear("MultinomialLogisticRegression"),
        {"C": (0.01, 0.1, 1.0, 10.0, 100.0)},
        linear=True,
    ),
    Method(
        "ovr",
        "One-vs-rest linear SVM",
        "squared hinge of each class against all the others, squared-norm penalty",
        _linear("OneVsRestSVC"),
        _HINGE_GRID,
        linear=True,
    ),
    Method(
        "cs",
        "Crammer-Singer SVM",
        "hinge of the true class against its strongest rival, squared-norm penalty",
        _linear("CrammerSingerSVC"),
        _HINGE_GRID,
        linear=True,
    ),
    Method(
        "ww",
        "Weston-Watkins SVM",
        "hinge of the true class against each other class, squared-norm penalty",
        _linear("WestonWatkinsSVC"),
        _HINGE_GRID,
        linear=True,
    ),
    Method(
        "m3",
        "M3SVM",
        "smooth hinge of all class pairs, penalty sum |w_k - w_l|^p that widens the smallest margin",
        _linear("M3SVC"),
        {"p": (2, 4), "C": (0.1, 1.0, 10.0, 100.0, 1000.0)},
        linear=True,
    ),
    Method(
        "ism3",
        "ISM3",
        "softmax cross-entropy, penalty sum |w_k - w_l|^p that widens the smallest margin",
        _linear("M3LogisticRegression"),
        {"p": (2, 4), "C": (1.0, 10.0, 100.0, 1000.0, 10000.0)},
        linear=True,
    ),
    Method(
        "rbf-svc",
        "SVM with RBF kernel",
        "hinge of each pair of classes, which vote; RBF kernel, gamma = 1 / (n_features * variance)",
        _rbf_svc,
        {"C": (0.1, 1.0, 10.0, 100.0)},
    ),
    Method(
        "knn",
        "k nearest neighbours",
        "majority of the k nearest training rows",
        _nearest_neighbours,
        {"n_neighbors": (15, 5, 1)},
    ),
    Method("nearest-centroid", "Nearest centroid", "class whose mean is nearest", _nearest_centroid),
    Method(
        "dummy", "Most frequent class", "always the most frequent class: what any method must beat", _dummy
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in _ALL}
"""Every method by its name, the margin methods first."""


def select_methods(names: Sequence[str] | None = None) -> list[Method]:
    """Return the methods of these names, all by default, each once and in the given order.

    Raises
    ------
    InputError
        If a name is unknown or none is given.

    Examples
    --------
    >>> [method.title for method in select_methods(["m3", "dummy"])]
    ['M3SVM', 'Most frequent class']
    """
    if names is None:
        return list(_ALL)
    unknown = [name for name in names if name not in METHODS]
    if unknown or not names:
        what = f"unknown method {unknown[0]!r}" if unknown else "no method given"
        raise InputError(f"{what}; choose from {', '.join(METHODS)}")
    return [METHODS[name] for name in dict.fromkeys(names)]
