"""The records of the papers' experiments, read and checked; nothing is written there."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from maxmargin._checks import InputError
from maxmargin.evidence import Printed

Record = Mapping[str, Any]

_TEXTS = ("experiment", "scale", "kind")


def read_results(folder: Path, known: Iterable[str]) -> dict[str, list[Record]]:
    """Records of each experiment in a folder, in the order of their writing.

    A last line without an end is a record that is being written: it is left out.

    Parameters
    ----------
    folder : Path
        It holds one ``<experiment>.jsonl`` each.
    known : iterable of str
        Names of the experiments that there are.

    Raises
    ------
    InputError
        If there is no such folder, it holds no records, or a file is damaged or of something else.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder; give the one that 'maxmargin reproduce' writes its records to"
        )
    names = list(known)
    results = {path.stem: _read(path, names) for path in sorted(folder.glob("*.jsonl"))}
    results = {name: records for name, records in results.items() if records}
    if not results:
        raise InputError(f"{folder} holds no records; run 'maxmargin reproduce NAME --out {folder}' first")
    return results


def check_scales(experiment: Printed, records: Iterable[Record]) -> None:
    """Refuse records of a scale that the experiment does not have.

    Raises
    ------
    InputError
        For the first of them.
    """
    for record in records:
        if record["scale"] not in experiment.scales:
            raise InputError(
                f"{experiment.name}.jsonl: a record is of scale {record['scale']!r}, which the experiment "
                f"does not have; it has {', '.join(experiment.scales)}"
            )


def _read(path: Path, names: list[str]) -> list[Record]:
    if path.stem not in names:
        raise InputError(
            f"{path}: no experiment is called {path.stem!r}; move the file elsewhere, or name it after "
            f"one of {', '.join(names)}"
        )
    *lines, _ = path.read_bytes().split(b"\n")
    return [_parsed(path, number, line) for number, line in enumerate(lines, 1)]


def _parsed(path: Path, number: int, line: bytes) -> Record:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise InputError(f"{path}: line {number} is no record; restore the file")
    for name in _TEXTS:
        if not isinstance(record.get(name), str):
            raise InputError(f"{path}: line {number} is no record of an experiment: it has no {name}")
    if record["experiment"] != path.stem:
        raise InputError(
            f"{path}: line {number} is a record of {record['experiment']!r}; move it to its own file"
        )
    return record
