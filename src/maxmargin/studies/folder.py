"""The folder of a study: the record that says what it is about, and the refusal of those of another one."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from maxmargin._checks import InputError
from maxmargin._files import remove_drafts
from maxmargin.datasets import Dataset
from maxmargin.studies.protocol import option
from maxmargin.studies.provenance import fingerprint, machine
from maxmargin.studies.records import Record, RecordLog

_FORMAT = 1


def study_record(
    command: str, dataset: Dataset, preprocessing: list[str], protocol: dict[str, Any], jobs: int
) -> Record:
    """What a study is about: the first of its records.

    Examples
    --------
    >>> from maxmargin.datasets import load_dataset
    >>> record = study_record("compare", load_dataset("iris"), [], {"seed": 0}, jobs=1)
    >>> record["data"]["class_counts"]
    [50, 50, 50]
    """
    classes, target = np.unique(dataset.y, return_inverse=True)
    return {
        "kind": "study",
        "format": _FORMAT,
        "command": command,
        "data": {
            "name": dataset.name,
            "source": dataset.source,
            "kind": dataset.kind,
            "n_samples": len(target),
            "n_features": len(dataset.feature_names),
            "classes": [str(label) for label in classes.tolist()],
            "class_counts": np.bincount(target).tolist(),
            "target": dataset.target_name,
            "image_shape": list(dataset.image_shape) if dataset.image_shape else None,
            "sha256": fingerprint(dataset),
            "notes": dataset.notes,
            "preprocessing": preprocessing,
        },
        "protocol": protocol,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine() | {"jobs": jobs},
    }


def open_run(log: RecordLog, study: Record, options: Iterable[str], *, resume: bool) -> list[Record]:
    """Records that the folder of a study holds, none where it is new.

    Parameters
    ----------
    log : RecordLog
        Its records.
    study : Record
        What the study is about, from :func:`study_record`.
    options : iterable of str
        Entries of its protocol that a person sets.
    resume : bool
        Whether there may be records.

    Raises
    ------
    InputError
        If the folder is there already and ``resume`` is False, or its records are of another study.
    """
    out = log.path.parent
    holds_run = log.path.exists()
    if out.exists() and not holds_run and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out} exists and holds no run; choose another --out")
    if holds_run and not resume:
        raise InputError(f"{out} holds a run already; add --resume to go on or choose another --out")
    records = log.read()
    if records:
        _check_same(log, study, records[0], options)
        remove_drafts(out)
    return records


def _check_same(log: RecordLog, study: Record, before: Record, options: Iterable[str]) -> None:
    out = log.path.parent
    if before.get("kind") != "study" or before.get("format") != study["format"] or "command" not in before:
        raise InputError(f"{log.path} was not written by this version; choose another --out")
    if before["command"] != study["command"]:
        raise InputError(f"{out} holds a run of 'maxmargin {before['command']}'; choose another --out")
    if before["data"]["sha256"] != study["data"]["sha256"]:
        raise InputError(f"{out} holds a run on other data; give the same data or another --out")
    old, new = before["protocol"], study["protocol"]
    for key in options:
        if old.get(key) != new[key]:
            raise InputError(
                f"{out} holds a run with {option(key)} {_typed(old.get(key))}, not "
                f"{_typed(new[key])}; give the same options or another --out"
            )
    if old != new:
        raise InputError(f"{log.path} was not written by this version; choose another --out")


def _typed(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
