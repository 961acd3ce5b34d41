"""One measurement in a process of its own: the task comes as JSON, and the result goes as JSON."""

import json
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cases import CASES, Case
from peers import METHODS, Fit, Method, Problem

WARM_UP_ROWS = 2000  # enough that every method loads the code that it uses on all rows
MEGABYTE = 1024 if sys.platform == "linux" else 1024**2  # what ru_maxrss counts in


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE


def measure(case: Case, task: dict[str, Any]) -> dict[str, Any]:
    """Fit once and judge the outcome; a small fit comes first, so imports and compilation do not count."""
    import numpy as np

    from datasets import load

    method, folder, quick = METHODS[task["method"]], Path(task["folder"]), task["quick"]
    imported(task["method"])
    X, y = load(case.data, folder, "train", quick=quick)
    problem = Problem(X, y, case.objective, case.C, case.intercept, case.Cs)
    before = peak_megabytes()
    method.fit(problem._replace(X=X[:WARM_UP_ROWS], y=y[:WARM_UP_ROWS]), method.ladder[0])
    began, cpu_began = time.perf_counter(), time.process_time()
    fit = method.fit(problem, task["setting"])
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    peak = peak_megabytes()
    X_test, y_test = load(case.data, folder, "test", quick=quick)
    predicted = np.argmax(np.asarray(X_test @ fit.coef.T) + fit.intercept, axis=1)
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "added_megabytes": peak - before,
        "peak_megabytes": peak,
        "objective": judged(problem, fit, method, task["setting"]),
        "accuracy": float(np.mean(predicted == y_test)),
        "scores": None if fit.scores is None else fit.scores.ravel().tolist(),
    }


def imported(method: str) -> None:
    """Import what the method needs, so that memory is counted from the fit on."""
    import sklearn.linear_model
    import sklearn.model_selection
    import sklearn.svm  # noqa: F401

    if method.startswith("maxmargin"):
        import maxmargin.linear  # noqa: F401
    if method.startswith("torch"):
        import torch  # noqa: F401


def judged(problem: Problem, fit: Fit, method: Method, setting: Any) -> float:
    """The objective reached; for a search, objective / C summed over the least, a middle and the last C."""
    from objectives import objective

    if not problem.Cs:
        return objective(problem.objective, problem.C, problem.X, problem.y, fit.coef, fit.intercept)
    total = 0.0
    for C in (problem.Cs[0], problem.Cs[len(problem.Cs) // 2], problem.Cs[-1]):
        one = METHODS[method.same_as].fit(problem._replace(C=C, Cs=()), setting)
        total += objective(problem.objective, C, problem.X, problem.y, one.coef, one.intercept) / C
    return total


def one_pass(case: Case, task: dict[str, Any]) -> dict[str, Any]:
    """Seconds of one pass over the rows, the median of several: X times one vector."""
    import numpy as np

    from datasets import load

    X, _ = load(case.data, Path(task["folder"]), "train", quick=task["quick"])
    vector, seconds = np.ones(X.shape[1]), []
    for _ in range(9):
        began = time.perf_counter()
        X @ vector
        seconds.append(time.perf_counter() - began)
    return {"seconds": float(np.median(seconds))}


def prepare(case: Case, task: dict[str, Any]) -> dict[str, Any]:
    from datasets import prepare

    return prepare(case.data, Path(task["folder"]), quick=task["quick"])


def main() -> None:
    task = json.loads(sys.argv[1])
    case = next(case for case in CASES if case.name == task["case"])
    work = {"measure": measure, "one_pass": one_pass, "prepare": prepare}[task["work"]]
    tell(lambda: work(case, task))


def tell(work: Callable[[], dict[str, Any]]) -> None:
    """Print the result of the work as the last line, or why there is none."""
    warnings.simplefilter("ignore")
    try:
        result = work()
    except ImportError as error:
        result = {"error": f"not installed: {error}"}
    except Exception as error:
        traceback.print_exc()
        result = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main()
