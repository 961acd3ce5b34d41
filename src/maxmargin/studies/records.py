"""The log of a study: one JSON object a line, each written whole before the next begins."""

import json
import os
from pathlib import Path
from typing import Any

from maxmargin._checks import InputError

Record = dict[str, Any]


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
        """Every whole record; the half line that a kill may have left is cut off the file.

        Raises
        ------
        InputError
            If a line before the last is no JSON object.
        """
        if not self.path.exists():
            return []
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self.path, whole)
        return [self._parsed(number, line) for number, line in enumerate(content[:whole].splitlines(), 1)]

    def append(self, *records: Record) -> None:
        """Write these records together and wait until they are on disk; on an error none of them stays."""
        text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records).encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab", buffering=0) as file:
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
