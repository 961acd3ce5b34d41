"""Kernel machines to compare; a new one is a function and a row of PEERS."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

THREADS = 2


class Machine(NamedTuple):
    """What a fit found, in the layout of scikit-learn's SVC; a search has mean scores by cell as well."""

    predict: Callable[[Any], Any] | None = None
    support: Any = None
    dual_coef: Any = None
    sizes: Any = None
    steps: float | None = None
    scores: dict[str, float] | None = None
    cells: int = 0


@dataclass(frozen=True)
class Peer:
    package: str
    fit: Callable[..., Machine]


def _of(model: Any) -> Machine:
    steps = getattr(model, "n_iter_", None)
    return Machine(
        model.predict,
        model.support_,
        model.dual_coef_,
        model.n_support_,
        None if steps is None else float(steps.sum()),
    )


def maxmargin(X: Any, y: Any, C: float, gamma: float) -> Machine:
    from maxmargin.kernel import KernelSVC

    return _of(KernelSVC(C=C, gamma=gamma).fit(X, y))


def scikit_learn(X: Any, y: Any, C: float, gamma: float) -> Machine:
    from sklearn.svm import SVC

    return _of(SVC(C=C, gamma=gamma).fit(X, y))


def intelex(X: Any, y: Any, C: float, gamma: float) -> Machine:
    from sklearnex.svm import SVC

    return _of(SVC(C=C, gamma=gamma).fit(X, y))._replace(steps=None)


def libsvm(X: Any, y: Any, C: float, gamma: float) -> Machine:
    import numpy as np
    from libsvm.svmutil import svm_predict, svm_train

    # LIBSVM orders classes as they come, so they come in order.
    order = np.argsort(y, kind="stable")
    model = svm_train(y[order], X[order], f"-s 0 -t 2 -c {float(C)!r} -g {float(gamma)!r} -m 1000 -q")
    support = order[np.array(model.get_sv_indices()) - 1]
    table = np.stack([np.ctypeslib.as_array(model.sv_coef[k], (model.l,)) for k in range(model.nr_class - 1)])
    sizes = np.array([model.nSV[k] for k in range(model.nr_class)])
    nothing = np.zeros(1)
    return Machine(
        lambda rows: svm_predict(np.repeat(nothing, len(rows)), rows, model, "-q")[0], support, table, sizes
    )


def thundersvm(X: Any, y: Any, C: float, gamma: float) -> Machine:
    from thundersvm import SVC

    model = SVC(C=C, gamma=gamma, n_jobs=THREADS).fit(X, y)
    return Machine(model.predict)


def maxmargin_search(X: Any, y: Any, problem: dict[str, Any]) -> Machine:
    from maxmargin.kernel import KernelSearchCV

    search = KernelSearchCV(problem["Cs"], problem["gammas"], cv=5, refit=False).fit(X, y)
    return Machine(scores=_means(search.cv_results_), cells=len(search.cv_results_["params"]))


def grid_search(X: Any, y: Any, problem: dict[str, Any]) -> Machine:
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    Cs, gammas = (
        [problem[name][i] for i in places]
        for name, places in zip(("Cs", "gammas"), problem["sample"], strict=True)
    )
    search = GridSearchCV(SVC(), {"C": Cs, "gamma": gammas}, cv=5, refit=False, n_jobs=THREADS).fit(X, y)
    return Machine(scores=_means(search.cv_results_), cells=len(search.cv_results_["params"]))


def _means(results: dict[str, Any]) -> dict[str, float]:
    pairs = zip(results["params"], results["mean_test_score"], strict=True)
    return {f"C={one['C']:g}, gamma={one['gamma']:g}": float(score) for one, score in pairs}


PEERS = {
    "maxmargin": Peer("maxmargin", maxmargin),
    "scikit-learn": Peer("scikit-learn", scikit_learn),
    "scikit-learn-intelex": Peer("scikit-learn-intelex", intelex),
    "libsvm-official": Peer("libsvm-official", libsvm),
    "thundersvm-cpu": Peer("thundersvm-cpu", thundersvm),
    "maxmargin search": Peer("maxmargin", maxmargin_search),
    "GridSearchCV(SVC, n_jobs=2)": Peer("scikit-learn", grid_search),
}
