"""What a rerun of a paper's experiment found, beside what the paper prints."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def reproduced(records: Sequence[Mapping[str, Any]], printed: Mapping[str, float]) -> Any:
    """Table of the test errors of each objective, out of the records alone.

    Parameters
    ----------
    records : sequence of mapping
        As :class:`maxmargin.studies.Reproduction` writes them.
    printed : mapping
        The paper's error of each objective.

    Examples
    --------
    >>> records = [{"kind": "test", "objective": "softmax", "error": e, "epochs": 9} for e in (0.01, 0.012)]
    >>> reproduced(records, {"softmax": 0.0099}).row_count
    1
    """
    from rich.table import Table
    from scipy import stats

    table = Table("objective", "paper", "test error", "95 % interval", "trainings", "epochs", box=None)
    for objective, paper in printed.items():
        tests = [r for r in records if r["kind"] == "test" and r["objective"] == objective]
        errors = np.array([record["error"] for record in tests])
        interval = "-"
        if len(errors) > 1:
            reach = stats.t.ppf(0.975, len(errors) - 1) * errors.std(ddof=1) / np.sqrt(len(errors))
            interval = f"{max(0.0, errors.mean() - reach):.2%} to {errors.mean() + reach:.2%}"
        table.add_row(
            objective,
            f"{paper:.2%}",
            f"{errors.mean():.2%}",
            interval,
            str(len(errors)),
            "/".join(sorted({str(record["epochs"]) for record in tests})),
        )
    return table
