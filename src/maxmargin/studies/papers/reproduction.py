"""An experiment of a paper, rerun."""

from collections.abc import Callable
from pathlib import Path

from maxmargin._checks import InputError, check_choice, check_torch
from maxmargin.studies.papers.experiment import Experiment
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.procedure import Procedure
from maxmargin.studies.provenance import commit, machine, versions
from maxmargin.studies.records import Record, RecordLog

_DEVICES = ("auto", "cpu", "cuda")  # where networks could be trained; which of several is not looked at


def reproduce(
    experiment: Experiment,
    scale: str,
    seeds: range,
    out: Path,
    *,
    device: str = "auto",
    resume: bool = False,
    tell: Callable[[str], None] = print,
) -> list[Record]:
    """Rerun an experiment at one scale, its records appended to a file as each run ends.

    A run that is recorded is not made again, and one that was killed goes on where it was.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    scale : {"quick", "full"}
        How much of the paper's protocol.
    seeds : range
        One repetition for each.
    out : Path
        Folder of ``<name>.jsonl``.
    device : {"auto", "cpu", "cuda"}
        Where networks are trained.
    resume : bool
        Whether there may be records of this experiment and scale.
    tell : callable
        Told what is done and the time left, a line each.

    Returns
    -------
    list of Record
        All records of this experiment and scale.

    Raises
    ------
    InputError
        If the scale or the device is unknown, or there are records and ``resume`` is False.
    """
    procedure = experiment.at(scale)
    trained_on = _trained_on(procedure, device)
    if device.startswith("cuda") and trained_on == "cpu":
        tell(f"{experiment.name} trains no network, so it runs on the CPU")
    log = RecordLog(out / f"{experiment.name}.jsonl")
    stamp = {
        "experiment": experiment.name,
        "scale": scale,
        "versions": versions(*procedure.libraries),
        "commit": commit(),
        "machine": machine(),
        "device": trained_on,
    }
    notebook = Notebook(log, stamp, tell=tell, effort=procedure.effort(seeds))
    if notebook.find() and not resume:
        raise InputError(
            f"{log.path} holds records of scale {scale}; add --resume to go on or choose another --out"
        )
    procedure.run(notebook, seeds, device)
    return notebook.find()


def _trained_on(procedure: Procedure, device: str) -> str:
    """What the device is called; where PyTorch is needed and missing, that is said before all else."""
    if "torch" not in procedure.libraries:
        check_choice(device.partition(":")[0], _DEVICES, "device")
        return "cpu"
    check_torch()
    from maxmargin.deep.ingredients import device_name

    return device_name(device)
