"""The methods: each a function of a problem and a setting that returns coef (c, d) and intercept (c,).

A new method is one function and one row of METHODS. Every import is made inside, so that a package that is
not there costs one line in the table and nothing else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

THREADS = 2


class Problem(NamedTuple):
    """What is to be minimised: penalty(W) + C * sum of losses; Cs where the best of several C is searched."""

    X: Any
    y: Any
    objective: str
    C: float
    intercept: bool
    Cs: tuple[float, ...] = ()


class Fit(NamedTuple):
    """What a method found; a search has test scores of shape (len(Cs), folds) as well."""

    coef: Any
    intercept: Any
    scores: Any = None


@dataclass(frozen=True)
class Method:
    """A row of the tables.

    ``ladder`` holds its settings from quick and rough to slow and exact. ``same_as`` names the method whose
    fit of one C shows how exact a search over many C is at that setting.
    """

    package: str
    fit: Callable[[Problem, Any], Fit]
    ladder: Sequence[Any]
    same_as: str = ""


def _linear(model: Any, problem: Problem) -> Fit:
    import numpy as np

    model.fit(problem.X, problem.y)
    coef = np.asarray(model.coef_, dtype=np.float64)
    intercept = model.intercept_ if problem.intercept else 0.0
    return Fit(coef, np.broadcast_to(np.asarray(intercept, dtype=np.float64), len(coef)))


def maxmargin(problem: Problem, tol: float | None) -> Fit:
    return _linear(_estimator(problem, tol), problem)


def _estimator(problem: Problem, tol: float | None) -> Any:
    from maxmargin import linear
    from objectives import DELTA, POWER

    settings: dict[str, Any] = {"C": problem.C, "fit_intercept": problem.intercept}
    if tol is not None:
        settings |= {"tol": tol, "max_iter": 100_000}
    match problem.objective:
        case "crammer_singer":
            return linear.CrammerSingerSVC(**settings)
        case "cross_entropy":
            return linear.MultinomialLogisticRegression(**settings)
        case "m3":
            return linear.M3SVC(p=POWER, delta=DELTA, **settings)
        case loss:
            return linear.OneVsRestSVC(loss=loss, **settings)


def maxmargin_search(problem: Problem, tol: float | None, *, n_jobs: int | None = None) -> Fit:
    from maxmargin.linear import LinearSearchCV

    search = LinearSearchCV(_estimator(problem, tol), Cs=problem.Cs, cv=5, n_jobs=n_jobs)
    return _searched(search, problem)


def grid_search(problem: Problem, tol: float) -> Fit:
    from sklearn.model_selection import GridSearchCV

    model = _linear_svc(problem, tol, dual=False)
    return _searched(GridSearchCV(model, {"C": list(problem.Cs)}, cv=5, n_jobs=THREADS), problem)


def _searched(search: Any, problem: Problem) -> Fit:
    import numpy as np

    fit = _linear(search.fit(problem.X, problem.y).best_estimator_, problem)
    folds = [search.cv_results_[f"split{fold}_test_score"] for fold in range(5)]
    return fit._replace(scores=np.stack(folds, axis=1))


def _linear_svc(problem: Problem, tol: float, *, dual: bool, scaling: float = 1.0) -> Any:
    from sklearn.svm import LinearSVC

    settings: dict[str, Any] = {"dual": dual, "loss": problem.objective}
    if problem.objective == "crammer_singer":
        settings = {"multi_class": "crammer_singer"}
    return LinearSVC(
        C=problem.C,
        tol=tol,
        fit_intercept=problem.intercept,
        intercept_scaling=scaling,
        max_iter=100_000,
        random_state=0,
        **settings,
    )


def linear_svc(problem: Problem, tol: float, *, dual: bool, scaling: float = 1.0) -> Fit:
    return _linear(_linear_svc(problem, tol, dual=dual, scaling=scaling), problem)


def logistic_regression(problem: Problem, tol: float, *, solver: str) -> Fit:
    from sklearn.linear_model import LogisticRegression

    return _logistic(LogisticRegression, problem, tol, solver)


def intelex_logistic_regression(problem: Problem, tol: float) -> Fit:
    from sklearnex.linear_model import LogisticRegression

    return _logistic(LogisticRegression, problem, tol, "lbfgs")


def _logistic(cls: Any, problem: Problem, tol: float, solver: str) -> Fit:
    model = cls(
        C=problem.C, tol=tol, solver=solver, fit_intercept=problem.intercept, max_iter=10_000, random_state=0
    )
    return _linear(model, problem)


def sgd(problem: Problem, epochs: int) -> Fit:
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(
        loss=problem.objective,
        alpha=1.0 / (problem.C * problem.X.shape[0]),
        fit_intercept=problem.intercept,
        learning_rate="invscaling",
        eta0=0.01,
        max_iter=epochs,
        tol=None,
        average=True,
        n_jobs=THREADS,
        random_state=0,
    )
    return _linear(model, problem)


def liblinear_multicore(problem: Problem, tol: float, *, solver: int) -> Fit:
    import numpy as np
    from liblinear.liblinearutil import train
    from scipy import sparse

    X = sparse.csr_matrix(problem.X)
    bias = "-B 1 -R" if problem.intercept else ""
    threads = f"-m {THREADS}" if solver != 4 else ""
    model = train(problem.y, X, f"-s {solver} -c {problem.C!r} -e {tol!r} {threads} {bias} -q")
    n_classes, n_weights = model.nr_class, X.shape[1] + problem.intercept
    weights = np.ctypeslib.as_array(model.w, (n_weights, n_classes)).T
    weights = weights[np.argsort(model.label[:n_classes])]
    if problem.intercept:
        return Fit(weights[:, :-1].copy(), weights[:, -1].copy())
    return Fit(weights.copy(), np.zeros(n_classes))


def snapml(problem: Problem, tol: float) -> Fit:
    import numpy as np
    from snapml import SupportVectorMachine

    model = SupportVectorMachine(
        loss=problem.objective,
        regularizer=1.0 / problem.C,
        fit_intercept=problem.intercept,
        tol=tol,
        max_iter=10_000,
        n_jobs=THREADS,
        random_state=0,
    ).fit(problem.X, problem.y)
    coef = np.asarray(model.coef_, dtype=np.float64)
    coef = coef if coef.shape[1] == problem.X.shape[1] else coef.T  # its documents and its versions disagree
    return Fit(coef, np.zeros(len(coef)))


def skglm(problem: Problem, tol: float) -> Fit:
    from skglm import LinearSVC

    return _linear(LinearSVC(C=problem.C, tol=tol, fit_intercept=False, max_iter=1000), problem)


def authors_loop(problem: Problem, steps: int, lr: float = 0.01) -> Fit:
    """What the M3SVM authors' script does: full batches, Adam, autograd through all pairs, both ways."""
    import torch

    from objectives import DELTA, POWER

    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
    n_classes = int(y.max()) + 1
    model = torch.nn.Linear(X.shape[1], n_classes, dtype=torch.float64)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    rivals = 1 - torch.nn.functional.one_hot(y, n_classes)
    for _ in range(steps):
        optimizer.zero_grad()
        scores = model(X)
        gap = 1 + scores - scores.gather(1, y[:, None])
        loss = (rivals * (gap + torch.sqrt(gap**2 + DELTA**2)) / 2).sum()
        pairs = model.weight.unsqueeze(1) - model.weight.unsqueeze(0)
        (loss + torch.norm(pairs, p=2, dim=2).pow(POWER).sum() / 2 / problem.C).backward()
        optimizer.step()
    return Fit(model.weight.detach().numpy(), model.bias.detach().numpy())


def tolerances(first: int, last: int) -> tuple[float, ...]:
    """Three tolerances a decade, from 10**-first to 2 * 10**-last."""
    return tuple(float(f"{digit}e{-decade}") for decade in range(first + 1, last + 1) for digit in (10, 5, 2))


OURS = tolerances(-2, 8)
PRIMAL = tolerances(0, 7)
DUAL = tolerances(0, 5)

METHODS: dict[str, Method] = {
    "maxmargin": Method("maxmargin", maxmargin, OURS),
    "maxmargin, default tol": Method("maxmargin", maxmargin, (None,)),
    "maxmargin LinearSearchCV": Method("maxmargin", maxmargin_search, OURS, "maxmargin"),
    "maxmargin LinearSearchCV, default tol": Method("maxmargin", maxmargin_search, (None,), "maxmargin"),
    "maxmargin LinearSearchCV, n_jobs=2": Method(
        "maxmargin", partial(maxmargin_search, n_jobs=THREADS), OURS, "maxmargin"
    ),
    "LinearSVC(dual=False)": Method("scikit-learn", partial(linear_svc, dual=False), PRIMAL),
    "LinearSVC(dual=False), default tol": Method("scikit-learn", partial(linear_svc, dual=False), (1e-4,)),
    "LinearSVC(dual=True)": Method("scikit-learn", partial(linear_svc, dual=True), DUAL),
    "LinearSVC(dual=False, intercept_scaling=100)": Method(
        "scikit-learn", partial(linear_svc, dual=False, scaling=100.0), PRIMAL
    ),
    "LinearSVC(crammer_singer)": Method("scikit-learn", partial(linear_svc, dual=True), DUAL),
    "GridSearchCV(LinearSVC(dual=False), n_jobs=2)": Method(
        "scikit-learn", grid_search, PRIMAL, "LinearSVC(dual=False)"
    ),
    "GridSearchCV(LinearSVC(dual=False), n_jobs=2), default tol": Method(
        "scikit-learn", grid_search, (1e-4,), "LinearSVC(dual=False)"
    ),
    **{
        f"LogisticRegression({solver})": Method(
            "scikit-learn", partial(logistic_regression, solver=solver), PRIMAL
        )
        for solver in ("lbfgs", "newton-cg", "newton-cholesky", "sag", "saga")
    },
    "sklearnex LogisticRegression": Method(
        "scikit-learn-intelex", intelex_logistic_regression, tolerances(-4, 2)
    ),
    "SGDClassifier(average=True)": Method("scikit-learn", sgd, (3, 10, 30, 100, 300)),
    "liblinear-multicore -s 1": Method("liblinear-multicore", partial(liblinear_multicore, solver=1), DUAL),
    "liblinear-multicore -s 2": Method("liblinear-multicore", partial(liblinear_multicore, solver=2), PRIMAL),
    "liblinear-multicore -s 3": Method("liblinear-multicore", partial(liblinear_multicore, solver=3), DUAL),
    "liblinear-multicore -s 4": Method("liblinear-multicore", partial(liblinear_multicore, solver=4), DUAL),
    "snapml": Method("snapml", snapml, tolerances(1, 7)),
    "skglm": Method("skglm", skglm, tolerances(1, 5)),
    "torch Adam, 500 steps": Method("torch", authors_loop, (500,)),
    "torch Adam, 500 steps of lr 0.001": Method("torch", partial(authors_loop, lr=0.001), (500,)),
}
