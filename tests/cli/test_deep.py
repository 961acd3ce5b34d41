"""Deep methods in processes of their own, with PyTorch and without."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest

from maxmargin.studies import NETWORKS

METHODS = "dlsvm-l2,cnn+svc,dummy"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Bars of two ways, as a file."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 60, (40, 16, 16), dtype=np.uint8), np.arange(40) % 2
    X[y == 0, 4:6] = 255
    X[y == 1, :, 4:6] = 255
    path = tmp_path_factory.mktemp("images") / "bars.npz"
    np.savez(path, X=X, y=y)
    return path


@pytest.fixture(scope="module")
def deep(environment):
    """Run the command line in a process of its own where PyTorch may be imported."""
    pytest.importorskip("torch")
    own = {name: value for name, value in environment.items() if name not in ("PYTHONPATH", "PYTHONWARNINGS")}

    def run(*arguments):
        call = [sys.executable, "-m", "maxmargin", *map(str, arguments)]
        done = subprocess.run(call, env=own, capture_output=True, text=True, timeout=300, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def test_images_are_compared_in_two_processes_and_the_report_shows_how_networks_learnt(
    deep, images, tmp_path
):
    out = tmp_path / "run"
    options = ("--methods", METHODS, "--net", "gogos-64", "--epochs", 1, "--repeats", 2)
    printed = deep("compare", images, *options, "--jobs", 2, "--out", out)
    assert "cnn+svc" in printed
    page = (out / "report.html").read_text()
    assert 'id="learning"' in page
    assert "First-layer filters of dlsvm-l2" in page
    records = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
    assert [record["kind"] for record in records] == ["study", *["test"] * 6, "model"]


def test_a_network_is_fitted_and_its_model_predicts(deep, images, tmp_path):
    model = tmp_path / "model"
    options = ("--method", "softmax-net", "--epochs", 6, "--device", "cpu", "--jobs", 1, "--out", model)
    assert "Network with softmax" in deep("fit", images, *options)
    rows = list(csv.DictReader(io.StringIO(deep("predict", model, images, "--proba"))))
    assert np.mean([int(row["prediction"]) == k % 2 for k, row in enumerate(rows)]) > 0.9
    assert all(abs(float(row["p(0)"]) + float(row["p(1)"]) - 1) < 1e-5 for row in rows)


def test_without_pytorch_the_rest_works_and_the_error_says_what_to_install(maxmargin, images, tmp_path):
    listed = maxmargin("methods", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "dlsvm-l2" in listed.stdout
    assert all(name in listed.stdout for name in NETWORKS)
    options = ("--methods", "dummy,softmax-net", "--out", "out")
    refused = maxmargin("compare", images, *options, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr == 'maxmargin: error: PyTorch is not installed; pip install "maxmargin[deep]"\n'
    fitted = maxmargin(
        "fit", images, "--method", "pca+svc", "--param", "svc__C=1.0", "--out", "m", cwd=tmp_path
    )
    assert (fitted.returncode, fitted.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
