"""Measures KernelSVC and KernelSearchCV beside every installed peer; writes a table and its record.

    python benchmarks/kernels.py [--cases NAME ...] [--repeats 3] [--quick] [--output benchmarks/results]

Every measurement runs in a fresh process, one at a time, at 2 threads, each method at LIBSVM's tolerance of
1e-3. The table and the record take the place of older ones only when the run is through.
"""

import argparse
import json
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kernel_peers import PEERS
from measure import Bench, installed
from run import processor, provenance
from tables import line

from maxmargin._files import replacing


@dataclass(frozen=True)
class KernelCase:
    """A table: what is fitted on which data, and by how much maxmargin has to be faster than whom.

    ``demands`` holds (figure, peer, least ratio). A grid is searched in five folds; peers are timed on the
    cells of ``sample``, (places of C, places of gamma), and their time is scaled up to the whole grid.
    """

    name: str
    title: str
    data: str
    C: float
    gamma: float | None
    peers: tuple[str, ...]
    demands: tuple[tuple[str, str, float], ...]
    Cs: tuple[float, ...] = ()
    gammas: tuple[float, ...] = ()
    sample: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())


def powers(first: float, last: float, step: float) -> tuple[float, ...]:
    return tuple(2.0 ** (first + k * step) for k in range(round((last - first) / step) + 1))


LONG = 15.0  # seconds of a run beyond which it is not repeated
FITTED = ("maxmargin", "scikit-learn", "scikit-learn-intelex", "libsvm-official", "thundersvm-cpu")
SEARCHED = ("maxmargin search", "GridSearchCV(SVC, n_jobs=2)")
SKLEARN_FIT = ("fit", "scikit-learn", 8.0)
SAME = (("fit", "scikit-learn-intelex", 4.0), ("predict", "scikit-learn", 10.0))

CASES = (
    KernelCase(
        "fit-10000-c1",
        "10000 x 128, 10 classes, C = 1",
        "synthetic-10000",
        1.0,
        None,
        FITTED,
        (SKLEARN_FIT, *SAME),
    ),
    KernelCase(
        "fit-10000-c32",
        "10000 x 128, 10 classes, C = 32",
        "synthetic-10000",
        32.0,
        None,
        FITTED,
        (SKLEARN_FIT, *SAME),
    ),
    KernelCase(
        "grid-coarse",
        "Coarse grid: 11 C x 10 gamma, 5 folds, 10000 x 128, 10 classes",
        "synthetic-10000",
        1.0,
        None,
        SEARCHED,
        (("fit", SEARCHED[1], 30.0),),
        powers(-7, 13, 2),
        powers(-15, 3, 2),
        ((1, 5, 9), (1, 4, 8)),
    ),
    KernelCase(
        "grid-fine",
        "Fine grid: 16 C x 16 gamma, 5 folds, 10000 x 128, 10 classes",
        "synthetic-10000",
        1.0,
        None,
        SEARCHED,
        (("fit", SEARCHED[1], 30.0),),
        powers(-1, 2.75, 0.25),
        powers(-5, -1.25, 0.25),
        ((2, 7, 13), (2, 7, 13)),
    ),
    KernelCase(
        "fit-50000", "50000 x 128, 10 classes, C = 1", "synthetic-50000", 1.0, None, FITTED, (SKLEARN_FIT,)
    ),
    KernelCase(
        "fit-mnist",
        "MNIST 60000 x 784, C = 10, gamma = 0.02",
        "mnist",
        10.0,
        0.02,
        FITTED,
        (("fit", "scikit-learn", 6.0),),
    ),
)

COLUMNS = (
    "method",
    "fit, s: median (least to most)",
    "slower by",
    "predict 10000, s",
    "slower by",
    "steps",
    "dual objective",
    "test accuracy",
    "support vectors",
    "added memory, MB",
    "remarks",
)
METHOD = """
Seconds are the median of {repeats} fits in fresh processes, the methods in turn (one where it takes over
{long:g} s), after a small fit that takes imports and compilation, each at its tolerance of 1e-3. The dual
objective is computed from the fitted coefficients by one NumPy function. The floor is the flops of half a
kernel matrix at the rate of a single precision product here, and one read of the whole matrix (of a search,
one for each gamma); a solver that computes fewer rows may lie below.
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [case.name for case in CASES]
    parser.add_argument("--cases", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--repeats", type=int, default=3, help="timed runs of each method (default: 3)")
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds a run may take (default: 3600)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows: does everything run?")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--folder", type=Path, default=Path("runs/benchmarks"), help="data")
    return parser.parse_args()


def measured(case: KernelCase, asked: argparse.Namespace) -> dict[str, Any]:
    """What is kept of a case: the floor and the runs of each method."""
    bench = Bench(asked.folder, asked.quick, asked.limit, "kernel_worker.py")
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in case.peers}
    task = asdict(case)
    floor = bench.run("floor", case, problem=task)
    for turn in range(asked.repeats):
        for name in case.peers:
            # What takes minutes hardly varies, and there is one run of it.
            long = turn and max(run.get("wall", 0.0) for run in runs[name]) > LONG
            if long or any("error" in run for run in runs[name]):
                continue
            package = PEERS[name].package
            missing = {"error": f"not installed: {package}"}
            runs[name].append(
                bench.run("measure", case, problem=task, method=name) if installed(package) else missing
            )
            print(
                case.name, name, {k: v for k, v in runs[name][-1].items() if k != "scores"}, file=sys.stderr
            )
    return {"case": task, "floor": floor, "runs": runs}


def case_table(record: dict[str, Any]) -> str:
    case, runs = record["case"], record["runs"]
    lines = [line(COLUMNS), line(["---"] * len(COLUMNS))]
    lines += [line(_cells(name, runs)) for name in case["peers"]]
    return "\n".join([f"## {case['title']}\n", *_notes(record), "", *lines, ""])


def _median(runs: list[dict[str, Any]], figure: str) -> float | None:
    values = [run[figure] for run in runs if run.get(figure) is not None]
    return statistics.median(values) if values else None


def _cells(name: str, runs: dict[str, list[dict[str, Any]]]) -> list[str]:
    mine, last = runs[name], runs[name][-1]
    ours = runs[next(iter(runs))]
    if "error" in last:
        return [name, *["-"] * (len(COLUMNS) - 2), last["error"]]
    seconds = [run["fit"] for run in mine]
    cells = [name, f"{statistics.median(seconds):.3g} ({min(seconds):.3g} to {max(seconds):.3g})"]
    for figure in ("fit", "predict"):
        value, reference = _median(mine, figure), _median(ours, figure)
        if figure == "predict":
            cells.append("-" if value is None else f"{value:.3g}")
        cells.append(f"{value / reference:.1f}x" if value and reference else "-")
    for figure, form in (("steps", ".0f"), ("dual", ".8g"), ("accuracy", ".4f"), ("support", ".0f")):
        cells.append("-" if last.get(figure) is None else format(last[figure], form))
    return [*cells, f"{max(run['added_megabytes'] for run in mine):.0f}", last.get("remark", "")]


def _notes(record: dict[str, Any]) -> list[str]:
    case, runs, floor = record["case"], record["runs"], record["floor"]
    ours, notes = runs[case["peers"][0]], []
    for figure, peer, least in case["demands"]:
        theirs, mine = _median(runs[peer], figure), _median(ours, figure)
        if theirs and mine:
            verdict = "met" if theirs / mine >= least else "missed"
            ratio = f"measured {theirs / mine:.1f}x: **{verdict}**."
            notes.append(f"Demanded: {figure} {least:g}x faster than {peer}; {ratio}")
    mine = _median(ours, "fit")
    if "seconds" in floor and mine:
        notes.append(
            f"Floor {floor['seconds']:.3g} s ({floor['gflops']:.0f} Gflop/s, {floor['gigabytes']:.1f} GB/s): "
            f"maxmargin takes {mine / floor['seconds']:.1f} times that."
        )
    scores = {name: each[-1]["scores"] for name, each in runs.items() if each[-1].get("scores")}
    if len(scores) == 2:
        mine_scores, their_scores = scores.values()
        away = [abs(mine_scores[cell] - value) for cell, value in their_scores.items()]
        differing = sum(value > 0 for value in away)
        notes.append(f"Mean scores: {differing} of {len(away)} cells differ, at most by {max(away):.5f}.")
    return notes


def main() -> None:
    asked = arguments()
    origin = provenance(asked) | {"processor": processor()}
    head = [
        "# Kernel machines\n",
        f"{origin['date']}, {origin['processor']}, {origin['cpus']} processors, {origin['system']},",
        f"{origin['threads']} threads, Python {origin['python']}.",
        METHOD.format(**origin, long=LONG),
    ]
    found = []
    for case in CASES:
        if case.name in asked.cases:
            found.append(measured(case, asked))
            print(case_table(found[-1]), flush=True)
    table = "\n".join([*head, *map(case_table, found)])
    record = "\n".join(json.dumps(one) for one in [origin, *found]) + "\n"
    for name, text in (("kernels.md", table), ("kernels.jsonl", record)):
        with replacing(asked.output / name) as draft:
            draft.write_text(text)
    print(f"written to {asked.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
