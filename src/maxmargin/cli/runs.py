"""Where a run lies, and how to go on with it."""

import shlex
import sys
from datetime import datetime
from pathlib import Path

from maxmargin._checks import InputError


def run_folder(data: str, kind: str = "", resume: bool = False) -> Path:
    """A new folder under runs or, to go on, the one whose records are the newest."""
    name = f"{data}{kind}"
    if resume:
        digit = "[0-9]"
        runs = [path.parent for path in Path("runs").glob(f"{name}-{8 * digit}-{6 * digit}/records.jsonl")]
        if not runs:
            raise InputError(
                f"no run on {data} under runs; give its folder with --out, or leave out --resume"
            )
        return max(runs, key=lambda path: (path / "records.jsonl").stat().st_mtime)
    return Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"


def resuming(out: Path | None, folder: Path, resume: bool) -> str:
    """The command line as it was typed, made to go on with the run in ``folder``."""
    command = ["maxmargin", *sys.argv[1:]]
    if out is None:
        command += ["--out", str(folder)]
    if not resume:
        command.append("--resume")
    return shlex.join(command)


def cpus() -> int:
    """Processors that this process may use."""
    from joblib import cpu_count

    return cpu_count()
