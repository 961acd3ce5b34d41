"""Weka's ARFF: a header of attributes above comma-separated rows."""

import re
from pathlib import Path

from maxmargin._checks import InputError
from maxmargin.datasets._content import text_content
from maxmargin.datasets.delimited import Delimited, Table, check_names

ATTRIBUTE = re.compile(r"""@attribute\s+('[^']*'|"[^"]*"|[^\s{]+)\s*(\{.*|\w+.*)""", re.IGNORECASE)


def read_arff(path: Path, text_columns: frozenset[str] = frozenset()) -> Table:
    """Read a dense ARFF file by the rules of every other table."""
    lines = text_content(path).decode("utf-8-sig").splitlines()
    names: list[str] = []
    start = None
    for number, line in enumerate(map(str.strip, lines), start=1):
        if line.lower().startswith("@data"):
            start = number
            break
        if line.lower().startswith("@attribute"):
            match = ATTRIBUTE.fullmatch(line)
            if match is None:
                raise InputError(f"{path}: line {number} is no ARFF attribute; write '@attribute name type'")
            names.append(match[1].strip("'\""))
        elif line and line[0] != "%" and not line.lower().startswith("@relation"):
            raise InputError(f"{path}: line {number} is not ARFF; expected @relation, @attribute or @data")
    if start is None or not names:
        raise InputError(f"{path}: no @attribute and @data lines; this is not an ARFF file")
    check_names(path, names)
    # The header and comments become blank lines, so that rows keep their line numbers.
    rows = ["" if line.lstrip().startswith("%") else line for line in lines[start:]]
    body = "\n".join([""] * start + rows)
    sparse = next((i for i, row in enumerate(rows, start + 1) if row.lstrip().startswith("{")), None)
    if sparse:
        raise InputError(f"{path}: line {sparse} is a sparse ARFF row; write dense rows, or a libsvm file")
    if not body.strip():
        raise InputError(f"{path}: a header but no rows; add one row a sample")
    return Delimited(path, body.encode(), quote="'" if "'" in body else '"').table(
        names, False, [], text_columns
    )
