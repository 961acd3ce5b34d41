"""What importing the package costs and offers."""

import subprocess
import sys

import pytest

import maxmargin

HEAVY = ["numpy", "scipy", "sklearn", "pandas", "matplotlib", "torch", "skops", "rich"]


def loaded_after(statement):
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import maxmargin").isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "statement", ["from maxmargin import linear, losses", "from maxmargin import studies, reports, datasets"]
)
def test_torch_is_never_loaded(statement):
    assert "torch" not in loaded_after(statement)


def test_the_estimators_load_neither_tables_nor_figures():
    assert loaded_after("import maxmargin.linear").isdisjoint(["matplotlib", "h5py", "typer", "skops"])


def test_public_names_are_found_and_others_refused():
    assert {"__version__", "load_model", "save_model"} <= set(dir(maxmargin))
    assert callable(maxmargin.load_model)
    with pytest.raises(AttributeError, match="module 'maxmargin' has no attribute 'train'"):
        _ = maxmargin.train
