"""Runs one measurement at a time in fresh processes; finds each method's quickest setting that will do.

This process imports nothing heavy: a child's peak memory starts from its parent's.
"""

import json
import math
import os
import signal
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cases import Case
from peers import METHODS, THREADS

WITHIN = 1e-4  # relative to the best known objective
ENVIRONMENT = {
    f"{library}_NUM_THREADS": str(THREADS)
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "BLIS", "VECLIB")
}


@dataclass(frozen=True)
class Bench:
    """Where and how measurements run."""

    folder: Path
    quick: bool
    limit: float
    script: str = "worker.py"

    def run(self, work: str, case: Any, **task: Any) -> dict[str, Any]:
        """One task in a process of its own; what it printed last, or ``{"error": why}``."""
        task |= {"work": work, "case": case.name, "folder": str(self.folder), "quick": self.quick}
        worker = Path(__file__).with_name(self.script)
        with subprocess.Popen(
            [sys.executable, str(worker), json.dumps(task)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | ENVIRONMENT,
            start_new_session=True,
        ) as process:
            try:
                output, _ = process.communicate(timeout=self.limit)
            except BaseException as stop:
                os.killpg(process.pid, signal.SIGKILL)
                if isinstance(stop, subprocess.TimeoutExpired):
                    return {"error": f"over {self.limit:g} s"}
                raise
        if process.returncode:
            return {"error": f"the process ended with {process.returncode}"}
        return json.loads(output.splitlines()[-1])


@dataclass
class Row:
    """A method in a case: what it reached at each setting tried, and the timed runs at the chosen one."""

    name: str
    tried: dict[Any, dict[str, Any]] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""

    @property
    def best(self) -> float:
        return min((result["objective"] for result in self.tried.values()), default=math.inf)

    def left(self) -> list[Any]:
        """The settings still to try, the quickest first; none after an error."""
        return [] if self.error else [rung for rung in METHODS[self.name].ladder if rung not in self.tried]

    def chosen(self, goal: float) -> Any:
        """The quickest setting that reached the goal, else the one that came closest."""
        reached = [rung for rung, result in self.tried.items() if result["objective"] <= goal]
        if reached:
            return min(reached, key=lambda rung: self.tried[rung]["seconds"])
        return min(self.tried, key=lambda rung: self.tried[rung]["objective"])

    def seconds(self) -> float:
        return statistics.median(run["seconds"] for run in self.runs)


@dataclass
class Searches:
    """What peers reached at which setting, kept on disk: the repeats alone are measured in every run."""

    path: Path
    known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                record = json.loads(line)
                self.known[record["key"]] = record["result"]

    def result(self, bench: Bench, case: Case, digest: str, method: str, setting: Any) -> dict[str, Any]:
        package = METHODS[method].package
        parts = [digest, case.objective, case.C, case.intercept, case.Cs, method, setting, version(package)]
        key = json.dumps(parts)
        known = self.known.get(key)
        if known and ("error" not in known or known["limit"] >= bench.limit):
            return known
        result = bench.run("measure", case, method=method, setting=setting) | {"limit": bench.limit}
        if package != "maxmargin":
            self.known[key] = result
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as lines:
                lines.write(json.dumps({"key": key, "result": result}) + "\n")
        return result


@dataclass(frozen=True)
class Race:
    """A case under way."""

    bench: Bench
    searches: Searches
    case: Case
    digest: str
    rows: list[Row]
    reference: Row = field(default_factory=lambda: Row("reference"))

    def climb(self) -> None:
        """Take every method along its ladder until it reaches the goal that all of them set together."""
        for row in self.rows:
            package = METHODS[row.name].package
            row.error = "" if installed(package) else f"not installed: {package}"
        if not self.case.goal:
            self._approach_the_optimum()
        while waiting := [row for row in self.rows if row.best > self.goal() and row.left()]:
            for row in waiting:
                self._try(row, row.left()[0])

    def _approach_the_optimum(self) -> None:
        """Run the first method that can be run at its most exact setting, lest all stop short together."""
        for row in self.rows:
            exact = Row(row.name, error=row.error)
            if exact.left():
                self._try(exact, exact.left()[-1])
            if exact.tried:
                self.reference.tried |= exact.tried
                return

    def _try(self, row: Row, setting: Any) -> None:
        result = self.searches.result(self.bench, self.case, self.digest, row.name, setting)
        if "error" in result:
            row.error = result["error"]
        else:
            row.tried[setting] = result

    def best_known(self) -> float:
        return min(row.best for row in [*self.rows, self.reference])

    def goal(self) -> float:
        """The objective to reach: that of the case's goal method, else a little above the best known."""
        if self.case.goal:
            leader = next((row for row in self.rows if row.name == self.case.goal), None)
            return leader.best if leader and leader.tried else -math.inf
        return self.best_known() * (1 + WITHIN)

    def repeat(self, repeats: int) -> None:
        """Time the chosen settings in turn; who did not reach the goal keeps the time of its closest try."""
        goal = self.goal()
        racing = [row for row in self.rows if row.tried and row.best <= goal]
        for row in self.rows:
            if row.tried and row not in racing:
                row.runs = [row.tried[row.chosen(goal)]]
        for _ in range(repeats):
            for row in racing:
                result = self.bench.run("measure", self.case, method=row.name, setting=row.chosen(goal))
                if "error" in result:
                    row.error = result["error"]
                else:
                    row.runs.append(result)


def installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
