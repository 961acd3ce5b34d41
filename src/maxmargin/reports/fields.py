"""Records checked for what a report needs of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from maxmargin._checks import InputError

FORMAT = 1


def of_kind(records: Iterable[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The records of a kind, in order."""
    return [record for record in records if record.get("kind") == kind]


def study_of(
    records: Sequence[dict[str, Any]], required: Mapping[str, Sequence[str]], what: str
) -> dict[str, Any]:
    """The record that says what a study is about.

    Parameters
    ----------
    records : sequence of dict
        All records.
    required : mapping from kind to fields
        What each record of a kind must have; "data.name" is a field within a field.
    what : str
        What the study is, for the messages.

    Raises
    ------
    InputError
        If there is none, its format is unknown, or a record lacks a field.

    Examples
    --------
    >>> study_of([{"kind": "study", "format": 1, "seed": 0}], {"study": ["seed"]}, "tuning")["seed"]
    0
    """
    for number, record in enumerate(records, start=1):
        for field in required.get(str(record.get("kind")), ()):
            if not _has(record, field):
                raise InputError(
                    f"record {number} (kind {record['kind']!r}) lacks {field!r}; run the {what} again"
                )
    studies = of_kind(records, "study")
    if not studies:
        raise InputError(
            f"none of the {len(records)} records is of kind 'study'; give the records of a {what}"
        )
    if studies[0].get("format") != FORMAT:
        raise InputError(
            f"the records have format {studies[0].get('format')!r}; this version reads format {FORMAT}"
        )
    return studies[0]


def _has(record: dict[str, Any], field: str) -> bool:
    outer, _, inner = field.partition(".")
    return outer in record and (not inner or inner in record[outer])
