import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[str]]
COMMAND = [sys.executable, "-m", "maxmargin"]


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> dict[str, str]:
    """Where importing torch raises: no command may need it."""
    folder = tmp_path_factory.mktemp("without_torch")
    (folder / "torch.py").write_text("raise ModuleNotFoundError('torch is not here', name='torch')\n")
    data = tmp_path_factory.mktemp("data")
    paths = {"PYTHONPATH": str(folder), "MAXMARGIN_DATA": str(data)}
    # On its first run on a machine matplotlib looks for fonts, and says where it cannot note them.
    subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], check=True, capture_output=True)
    # Idle threads of a matrix library would take the processors from the other processes.
    return os.environ | paths | {"PYTHONWARNINGS": "error", "OPENBLAS_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def maxmargin(environment) -> Run:
    """Run the command line in a process of its own."""

    def run(*arguments: object, cwd: Path, stdout: int | None = None) -> CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="session")
def compared(maxmargin, place) -> CompletedProcess[str]:
    """``compare iris`` without --out, run to its end in ``place``."""
    return maxmargin("compare", "iris", "--methods", "softmax,rbf-svc,dummy", "--repeats", 2, cwd=place)


@pytest.fixture(scope="session")
def run_folder(compared, place) -> Path:
    assert compared.returncode == 0, compared.stderr
    (folder,) = (place / "runs").iterdir()
    return folder


@pytest.fixture
def here(capsys, monkeypatch) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: exit code, standard output, standard error."""
    from maxmargin.cli import main

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["maxmargin", *map(str, arguments)])
        monkeypatch.setattr("warnings.showwarning", None)
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        return ended.value.code or 0, streams.out, streams.err

    return call
