"""Markdown out of records: one table a case, every ratio beside its spread, objective and accuracy."""

import statistics
from typing import Any

from cases import Case
from measure import WITHIN

COLUMNS = (
    "method",
    "seconds: median (least to most)",
    "slower than maxmargin by",
    "objective above best known",
    "test accuracy",
    "peak memory, MB: added / whole",
    "passes",
    "setting",
    "remarks",
)
OURS = "maxmargin"


METHOD = """
Seconds are the median of {repeats} fits in fresh processes, the methods in turn, after a small fit that
takes imports and compilation. Each method runs at the quickest of its settings (three tolerances a decade)
whose objective, computed by one NumPy function, is within {within:g} of the best known to any method,
relatively; the time of one that never got there is that of its closest try. A fit may take {limit:g} s.
Peak memory is what fits and compilation add to a process that has imported and holds the data, and that of
the whole process. A pass is one product of the data with a vector.
"""
QUICK = "**A quick run on a tenth of the rows: it shows that everything runs, not how fast.**\n"


def header(origin: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in origin["versions"].items() if number)
    absent = ", ".join(name for name, number in origin["versions"].items() if not number)
    return "\n".join(
        [
            "# Speed at equal objective\n",
            f"{origin['date']}, {origin['processor']}, {origin['cpus']} processors, {origin['system']},",
            f"{origin['threads']} threads, Python {origin['python']}; {versions}.",
            *([f"Not installed: {absent}."] if absent else []),
            METHOD.format(**origin, within=WITHIN),
            *([QUICK] if origin["quick"] else []),
        ]
    )


def case_table(case: Case, result: list[dict[str, Any]] | str) -> str:
    title = f"## {case.title}{'' if case.Cs else f', C = {case.C:g}'}\n"
    if isinstance(result, str):
        return f"{title}\nSkipped: {result}\n"
    ours = next(
        (median(record) for record in result if record["method"].startswith(OURS) and record["reached"]), None
    )
    lines = [line(COLUMNS), line(["---"] * len(COLUMNS))]
    lines += [line(_cells(record, ours)) for record in result]
    return "\n".join([title, *_notes(case, result, ours), "", *lines, ""])


def median(record: dict[str, Any]) -> float:
    return statistics.median(run["seconds"] for run in record["runs"])


def _most(record: dict[str, Any], figure: str) -> float:
    return max(run[figure] for run in record["runs"])


def line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(record: dict[str, Any], ours: float | None) -> list[str]:
    if not record["runs"]:
        return [record["method"], *["-"] * (len(COLUMNS) - 2), record["error"]]
    seconds = [run["seconds"] for run in record["runs"]]
    last = record["runs"][-1]
    above = (last["objective"] - record["best_known"]) / record["best_known"]
    remarks = [] if record["reached"] else ["did not reach"]
    return [
        record["method"],
        f"{median(record):.3g} ({min(seconds):.3g} to {max(seconds):.3g})",
        f"{median(record) / ours:.1f}x" if ours else "-",
        f"{above:.1e}",
        f"{last['accuracy']:.4f}",
        f"{_most(record, 'added_megabytes'):.0f} / {_most(record, 'peak_megabytes'):.0f}",
        f"{median(record) / record['seconds_of_a_pass']:.0f}",
        "default" if record["setting"] is None else f"{record['setting']:g}",
        "; ".join([*remarks, *([record["error"]] if record["error"] else [])]),
    ]


def _notes(case: Case, result: list[dict[str, Any]], ours: float | None) -> list[str]:
    notes = [case.note] if case.note else []
    rivals = {
        r["method"]: median(r) for r in result if r["method"] in case.against and r["reached"] and r["runs"]
    }
    if case.least and ours and rivals:
        name = min(rivals, key=lambda rival: rivals[rival])
        ratio = rivals[name] / ours
        verdict = "met" if ratio >= case.least else "missed"
        notes.append(f"Demanded: {case.least:g}x faster than {name}; measured {ratio:.1f}x: **{verdict}**.")
    own = [_most(r, "added_megabytes") for r in result if r["method"].startswith(OURS) and r["runs"]]
    if own:
        allowed = 0.3 * result[0]["data"]["megabytes"] + 200
        verdict = "met" if max(own) <= allowed else "missed"
        notes.append(f"Memory allowed: {allowed:.0f} MB; added {max(own):.0f} MB: **{verdict}**.")
    return notes + _agreement(result)


def _agreement(result: list[dict[str, Any]]) -> list[str]:
    """How many test scores of a search, each side at its default tol, are the peer's to the last sample."""
    default = [r for r in result if r["method"].endswith("default tol") and r["runs"]]
    mine, theirs = (
        next((r["runs"][-1]["scores"] for r in default if r["method"].startswith(OURS) is own), None)
        for own in (True, False)
    )
    if mine is None or theirs is None:
        return []
    differing = [abs(a - b) for a, b in zip(mine, theirs, strict=True) if a != b]
    most = max(differing, default=0.0)
    return [f"Scores: {len(differing)} of {len(mine)} differ from the peer's, at most by {most:.4f}."]
