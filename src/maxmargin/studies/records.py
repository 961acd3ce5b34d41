"""The log of a study: one JSON object a line, those that belong together found all or none."""

import json
import os
from pathlib import Path
from typing import Any

from maxmargin._checks import InputError
from maxmargin._files import naming

Record = dict[str, Any]

_FOLLOWING = "continued"  # marks every line of a group but its last: a kill can end a write after any line


class RecordLog:
    """Append records to a file that survives being killed at any moment.

    Parameters
    ----------
    path : Path
        The file; created with its folder at the first record.

    Examples
    --------
    >>> import tempfile
    >>> log = RecordLog(Path(tempfile.mkdtemp()) / "records.jsonl")
    >>> log.append({"kind": "test", "accuracy": 0.5})
    >>> log.read()
    [{'kind': 'test', 'accuracy': 0.5}]
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Record]:
        """Every whole record; what a kill left of a half-written group is cut off the file.

        Raises
        ------
        InputError
            If a whole line is no JSON object.
        """
        if not self.path.exists():
            return []
        content = self.path.read_bytes()
        *lines, half = content.split(b"\n")
        records = [self._parsed(number, line) for number, line in enumerate(lines, 1)]
        cut = len(half)
        while records and records[-1].get(_FOLLOWING):
            records.pop()
            cut += len(lines.pop()) + 1
        if cut:
            os.truncate(self.path, len(content) - cut)
        for record in records:
            record.pop(_FOLLOWING, None)
        return records

    def append(self, *records: Record) -> None:
        """Write these records together and wait until they are on disk: all of them stay, or none."""
        followed = [record | {_FOLLOWING: True} for record in records[:-1]]
        lines = [json.dumps(record, allow_nan=False) + "\n" for record in [*followed, *records[-1:]]]
        text = "".join(lines).encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with naming(self.path), self.path.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                rest = memoryview(text)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:
                os.truncate(self.path, before)
                raise

    def _parsed(self, number: int, line: bytes) -> Record:
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise InputError(
                f"{self.path}: line {number} is no record; restore the file or choose another --out"
            )
        return record
