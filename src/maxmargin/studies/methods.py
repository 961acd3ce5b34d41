"""The methods that a comparison knows, by their short names."""

from collections.abc import Callable, Sequence
from typing import Any

from maxmargin._checks import InputError
from maxmargin.datasets import Dataset
from maxmargin.studies.deep_methods import DEEP_METHODS
from maxmargin.studies.method import Method
from maxmargin.studies.protocol import Settings

_HINGE_GRID = {"C": (0.001, 0.01, 0.1, 1.0, 10.0)}
_MAX_ITER = 10000  # the last steps of a barely regularised machine are many, and cheap


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


_SHALLOW = (
    Method(
        "softmax",
        "Multinomial logistic regression",
        "softmax cross-entropy with a squared-norm penalty",
        _linear("MultinomialLogisticRegression"),
        {"C": (0.01, 0.1, 1.0, 10.0, 100.0)},
        linear=True,
        has_probabilities=True,
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
        has_probabilities=True,
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
        has_probabilities=True,
    ),
    Method(
        "nearest-centroid",
        "Nearest centroid",
        "class whose mean is nearest",
        _nearest_centroid,
        has_probabilities=True,
    ),
    Method(
        "dummy",
        "Most frequent class",
        "always the most frequent class: what any method must beat",
        _dummy,
        has_probabilities=True,
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in (*_SHALLOW, *DEEP_METHODS)}
"""Every method by its name: the margin methods, what they must beat, and the deep methods."""


def select_methods(names: Sequence[str] | None = None) -> list[Method]:
    """Return the methods of these names, each once and in the given order; by default all but the deep ones.

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
        return list(_SHALLOW)
    unknown = [name for name in names if name not in METHODS]
    if unknown or not names:
        what = f"unknown method {unknown[0]!r}" if unknown else "no method given"
        raise InputError(f"{what}; choose from {', '.join(METHODS)}")
    return [METHODS[name] for name in dict.fromkeys(names)]


def methods_on(dataset: Dataset, settings: Settings) -> list[Method]:
    """Return the methods that the settings ask for, ready for a data set.

    Raises
    ------
    InputError
        If a method does not take such data, or a network is named and no method trains one.

    Examples
    --------
    >>> from maxmargin.datasets import load_dataset
    >>> [method.name for method in methods_on(load_dataset("iris"), Settings(("cs", "pca+svc")))]
    ['cs', 'pca+svc']
    """
    methods = select_methods(settings.methods)
    if settings.methods is None and settings.net is not None:
        methods += [method for method in DEEP_METHODS if dataset.kind in method.kinds]
    if settings.net is not None and not any(method.deep for method in methods):
        raise InputError(
            f"--net is {settings.net!r}, but no method trains a network; add one, such as softmax-net"
        )
    return [method.on(dataset, settings.nets) for method in methods]
