"""The records of an experiment at one scale: what is written there is not run again."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from maxmargin.studies.records import Record, RecordLog

_FORESEEN = 30  # seconds after which what was measured counts more than what was foreseen


class Notebook:
    """Records of one experiment at one scale, appended to its file as each run ends.

    Parameters
    ----------
    log : RecordLog
        The file, which other scales share.
    stamp : mapping
        What every record tells: the experiment, the scale, versions, commit, machine and device.
    tell : callable
        Told what is done, a line each.
    effort : float
        About the seconds of all runs to come; tells the time left.

    Examples
    --------
    >>> import tempfile
    >>> log = RecordLog(Path(tempfile.mkdtemp()) / "one.jsonl")
    >>> stamp = {"experiment": "one", "scale": "quick"}
    >>> notebook = Notebook(log, stamp, tell=lambda line: None)
    >>> notebook.once({"kind": "test", "seed": 0}, lambda: {"error": 0.5})["error"]
    0.5
    >>> Notebook(log, stamp).once({"kind": "test", "seed": 0}, dict)["error"]
    0.5
    """

    def __init__(
        self,
        log: RecordLog,
        stamp: Mapping[str, Any],
        *,
        tell: Callable[[str], None] = print,
        effort: float = 1,
    ) -> None:
        self.stamp, self.tell = dict(stamp), tell
        self._log, self._effort = log, effort
        self._done = self._worked = self._seconds = 0.0
        mine = ("experiment", "scale")
        self._records = [r for r in log.read() if all(r.get(k) == self.stamp[k] for k in mine)]

    def once(self, place: Record, work: Callable[[], Record], effort: float = 1) -> Record:
        """Record of the run at this place, which is made now if there is none.

        Parameters
        ----------
        place : mapping
            ``kind`` ("selection" or "test", say), ``method``, ``data``, ``seed``, ``fold`` and the parameters
            that tell this run from every other one.
        work : callable
            Runs and returns what was measured, ``seconds`` among it if it timed itself.
        effort : float
            About how many seconds it takes.
        """
        self._done += effort
        found = self.find(**place)
        if found:
            return found[0]
        start = time.perf_counter()
        measured = work()
        seconds = time.perf_counter() - start
        # What stands before the seconds was told, what follows was measured: reports go by this order.
        record = self.stamp | place | {"seconds": round(seconds, 3)} | measured
        self._log.append(record)
        self._records.append(record)
        self._worked += effort
        self._seconds += seconds
        self.tell(f"{_said(place)}: {_measured(measured)}, {seconds:.1f} s{self._time_left()}")
        return record

    def find(self, **where: Any) -> list[Record]:
        """Records with these entries, in the order of their writing."""
        return [record for record in self._records if where.items() <= record.items()]

    def folder(self, place: Record) -> Path:
        """Where a long run at this place keeps what it goes on from after a kill; the run removes it."""
        name = "-".join(map(str, (self.stamp["scale"], *place.values()))).replace("/", "_")
        return self._log.path.parent / f".{self.stamp['experiment']}" / name

    def _time_left(self) -> str:
        # What was foreseen counts less and less beside what was measured.
        pace = (self._seconds + _FORESEEN) / (self._worked + _FORESEEN)
        left = (self._effort - self._done) * pace
        if left < 0.5:  # nothing, but for rounding
            return ""
        return f" (about {left / 60:.0f} min left)" if left > 90 else f" (about {left:.0f} s left)"


def _said(place: Record) -> str:
    return ", ".join(f"{name}={value}" for name, value in place.items())


def _measured(record: Record) -> str:
    shown = {name: value for name, value in record.items() if isinstance(value, float) and name != "seconds"}
    return ", ".join(f"{name} {value:.4g}" for name, value in list(shown.items())[:3]) or "done"
