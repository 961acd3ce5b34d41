"""Measures maxmargin beside every installed peer at equal objective; writes a table and its record.

    python benchmarks/run.py [--cases NAME ...] [--repeats 5] [--quick] [--output benchmarks/results]

Every fit runs in a fresh process, one at a time, at 2 threads. The table and the record, one line of JSON a
measurement, take the place of older ones only when the run is through.
"""

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cases import CASES, Case
from measure import Bench, Race, Row, Searches, installed
from peers import METHODS, THREADS
from tables import case_table, header

from maxmargin._files import replacing

SETTINGS_KEPT = "searches.jsonl"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [case.name for case in CASES]
    parser.add_argument(
        "--cases", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names)
    )
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), metavar="NAME", help="default: all")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each method (default: 5)")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds a fit may take (default: 600)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows: does everything run?")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--folder", type=Path, default=Path("runs/benchmarks"), help="data and searches")
    return parser.parse_args()


def provenance(asked: argparse.Namespace) -> dict[str, Any]:
    packages = sorted({method.package for method in METHODS.values()} | {"numpy", "scipy"})
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor(),
        "cpus": os.cpu_count(),
        "threads": THREADS,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) if installed(name) else None for name in packages},
        "repeats": asked.repeats,
        "limit": asked.limit,
        "quick": asked.quick,
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def records(race: Race, one_pass: float, about: dict[str, Any]) -> list[dict[str, Any]]:
    """What is kept of a case: one record a method, with everything that its row of the table says."""
    goal = race.goal()
    common = {"case": asdict(race.case), "data": about, "seconds_of_a_pass": one_pass}
    common |= {"goal": goal, "best_known": race.best_known()}
    return [common | _record(row, goal) for row in race.rows]


def _record(row: Row, goal: float) -> dict[str, Any]:
    tried = [{"setting": rung} | result for rung, result in row.tried.items()]
    setting = row.chosen(goal) if row.tried else None
    return {
        "method": row.name,
        "error": row.error,
        "reached": row.best <= goal,
        "setting": setting,
        "runs": row.runs,
        "tried": tried,
    }


def measured(case: Case, asked: argparse.Namespace, searches: Searches) -> list[dict[str, Any]] | str:
    """The records of a case, or why there are none."""
    bench = Bench(asked.folder, asked.quick, asked.limit)
    about = bench.run("prepare", case)
    if "error" in about:
        return about["error"]
    names = [name for name in case.methods if asked.methods is None or name in asked.methods]
    race = Race(bench, searches, case, about["digest"], [Row(name) for name in names])
    race.climb()
    race.repeat(asked.repeats)
    return records(race, bench.run("one_pass", case)["seconds"], about)


def main() -> None:
    asked = arguments()
    searches = Searches(asked.folder / SETTINGS_KEPT)
    origin = provenance(asked)
    table, lines = [header(origin)], [json.dumps(origin)]
    for case in CASES:
        if case.name not in asked.cases:
            continue
        result = measured(case, asked, searches)
        table.append(case_table(case, result))
        print(table[-1], flush=True)
        if not isinstance(result, str):
            lines += [json.dumps(record) for record in result]
    for name, text in (("table.md", "\n".join(table)), ("record.jsonl", "\n".join(lines) + "\n")):
        with replacing(asked.output / name) as draft:
            draft.write_text(text)
    print(f"written to {asked.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
