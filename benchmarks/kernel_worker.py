"""One measurement of a kernel machine in a process of its own; the task comes and the result goes as JSON."""

import json
import sys
import time
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from kernel_peers import PEERS, Machine
from worker import peak_megabytes, tell

from datasets import load, prepare

WARM_UP_ROWS = 2500  # enough that every method loads the code that it uses on all rows
PREDICTED = 10000


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Fit, predict and judge; a small fit comes first, so imports and compilation do not count."""
    problem, peer = task["problem"], PEERS[task["method"]]
    X, y = _data(task, "train")
    gamma = problem["gamma"] or 1 / (X.shape[1] * X.var())
    small = (X[:WARM_UP_ROWS], y[:WARM_UP_ROWS])
    if problem["Cs"]:
        peer.fit(*small, problem | {"Cs": [1.0, 2.0], "gammas": [gamma], "sample": [[0, 1], [0]]})
    else:
        peer.fit(*small, problem["C"], gamma).predict(small[0][:100])
    before, began = peak_megabytes(), time.perf_counter()
    machine = peer.fit(X, y, problem) if problem["Cs"] else peer.fit(X, y, problem["C"], gamma)
    seconds = time.perf_counter() - began
    result = {"fit": seconds, "wall": seconds, "added_megabytes": peak_megabytes() - before}
    if problem["Cs"]:
        return result | _scaled_up(result["fit"], machine, problem)
    rows = X[np.arange(PREDICTED) % len(X)]
    began = time.perf_counter()
    machine.predict(rows)
    result["predict"] = time.perf_counter() - began
    result["wall"] += result["predict"]
    X_test, y_test = _data(task, "test")
    result |= {
        "accuracy": float(np.mean(np.asarray(machine.predict(X_test)) == y_test)),
        "steps": machine.steps,
    }
    if machine.dual_coef is not None:
        result |= {"dual": dual(X, machine, gamma), "support": len(machine.support)}
    return result


def _scaled_up(seconds: float, machine: Machine, problem: dict[str, Any]) -> dict[str, Any]:
    cells = len(problem["Cs"]) * len(problem["gammas"])
    remark = (
        "" if machine.cells == cells else f"{machine.cells} of {cells} cells in {seconds:.4g} s, scaled up"
    )
    return {"fit": seconds * cells / machine.cells, "scores": machine.scores, "remark": remark}


def dual(X: Any, machine: Machine, gamma: float) -> float:
    """Dual objective summed over the pairs, from the coefficients alone."""
    starts = np.append(0, np.cumsum(machine.sizes))
    table, rows = np.abs(np.asarray(machine.dual_coef)), np.asarray(X[machine.support], dtype=np.float64)
    signed = np.asarray(machine.dual_coef, dtype=np.float64)
    classes = [slice(*ends) for ends in pairwise(starts)]
    total = sum(float(table[:, part].sum()) for part in classes)
    for k, m in [(k, k) for k in range(len(classes))] + list(combinations(range(len(classes)), 2)):
        values = _rbf(rows[classes[k]], rows[classes[m]], gamma)
        if k == m:
            own = signed[:, classes[k]]
            total -= 0.5 * float(np.einsum("pi,pi->", own @ values, own))
        else:
            total -= float(signed[m - 1, classes[k]] @ values @ signed[k, classes[m]])
    return total


def _rbf(a: Any, b: Any, gamma: float) -> Any:
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T
    return np.exp(-gamma * np.maximum(squares, 0))


def floor(task: dict[str, Any]) -> dict[str, Any]:
    """Seconds of the products of half a kernel matrix and of one read of it, at the rates measured here."""
    X, _ = _data(task, "train")
    n, d = X.shape
    part = np.ascontiguousarray(X[:4000], dtype=np.float32)
    other, matrix = part.copy(), np.ones((8000, 8000), dtype=np.float32)
    products, reads = [], []
    for _ in range(7):
        began = time.perf_counter()
        part @ other.T
        products.append(time.perf_counter() - began)
        began = time.perf_counter()
        matrix.sum()
        reads.append(time.perf_counter() - began)
    rate = 2 * len(part) ** 2 * d / min(products)
    speed = matrix.nbytes / min(reads)
    # A search reads the products once for each gamma.
    seconds = n * n * d / rate + max(1, len(task["problem"]["gammas"])) * 4 * n * n / speed
    return {"seconds": seconds, "gflops": rate / 1e9, "gigabytes": speed / 1e9}


def _data(task: dict[str, Any], part: str) -> tuple[Any, Any]:
    folder, name = Path(task["folder"]), task["problem"]["data"]
    prepare(name, folder, quick=task["quick"])
    return load(name, folder, part, quick=task["quick"])


def main() -> None:
    task = json.loads(sys.argv[1])
    tell(lambda: {"measure": measure, "floor": floor}[task["work"]](task))


if __name__ == "__main__":
    main()
