"""Every example runs as it stands, as a process without a network, and prints what its docstring says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

EXAMPLES = Path(__file__).parents[1] / "examples"
NEEDED = {
    "lightning_module.py": ["lightning"],
    "skorch_criterion.py": ["skorch"],
    "transformers_trainer.py": ["transformers", "accelerate"],
}
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "PYTHONWARNINGS": "ignore",
    "OMP_NUM_THREADS": "1",
}
LINES = {"skorch_criterion.py": 9, "lightning_module.py": 5}


@pytest.mark.parametrize("name", sorted(file.name for file in EXAMPLES.glob("*.py")))
def test_example_learns(name, tmp_path):
    for module in NEEDED.get(name, []):
        pytest.importorskip(module)
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        cwd=tmp_path,
        env=os.environ | OFFLINE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    accuracies = [
        float(found) for found in re.findall(r"accuracy (\d\.\d+)$", done.stdout, flags=re.MULTILINE)
    ]
    assert len(accuracies) == LINES.get(name, 1), done.stdout
    assert min(accuracies) >= 0.9, done.stdout
