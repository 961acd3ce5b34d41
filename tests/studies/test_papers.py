"""The papers' experiments are read from checked files, and rerun once."""

import sys
from importlib.metadata import PackageNotFoundError

import pytest

from maxmargin._checks import InputError
from maxmargin.studies.papers import available_experiments, load_experiment, reproduce
from maxmargin.studies.papers.experiment import read_experiment

SMALL = """
title = "small"
paper = "none"

[procedure]
kind = "networks"
epochs = 6
selection_epochs = 2
training = { batch_size = 100, lr = 0.1 }

[procedure.data.Digits]
source = "digits"
net = "tang-mnist"
train_rows = 1397
test_rows = 400
validation_rows = 300

[procedure.methods]
softmax = { loss = "CrossEntropyLoss", choices = { C = [1.0], momentum = [0.5, 0.9] } }

[scales.quick]
note = "six epochs"
"""


def run(out, seeds=range(2), text=SMALL, **options):
    told = []
    experiment = read_experiment("small", text)
    return reproduce(experiment, "quick", seeds, out, device="cpu", tell=told.append, **options), told


def test_every_experiment_is_read_at_every_scale():
    for experiment in available_experiments().values():
        assert experiment.scales.keys() == {"quick", "full"}
        assert experiment.at("quick").effort(range(2)) < experiment.at("full").effort(range(2))
    assert load_experiment("tang-mnist").at("full").epochs == 400


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 6", "epochs = 6\nepoch = 7", r"small.toml: procedure.networks.epoch: Extra inputs"),
        ("\nselection_epochs = 2", "", r"small.toml: procedure.networks.selection_epochs: Field required"),
        ('kind = "networks"', 'kind = "nets"', r"small.toml: procedure: .*'nets'.*'networks'"),
        ('note = "six epochs"', 'note = "x"\nchanges = { epoch = 1 }', r"small.toml: .*epoch"),
        ("[scales.quick]", "[scales.quick", r"small.toml: .*line 21"),
    ],
)
def test_a_wrong_file_is_refused(old, new, message):
    with pytest.raises(InputError, match=message):
        read_experiment("small", SMALL.replace(old, new))


def test_what_cannot_be_run_is_said(tmp_path):
    with pytest.raises(InputError, match=r"unknown experiment 'tang'; choose from .*tang-mnist"):
        load_experiment("tang")
    with pytest.raises(InputError, match="unknown scale 'huge'; choose from quick"):
        read_experiment("small", SMALL).at("huge")
    (tmp_path / "small.jsonl").write_text('{"experiment": "small", "scale": "quick"}\n')
    with pytest.raises(InputError, match="add --resume to go on or choose another --out"):
        run(tmp_path)


def test_without_pytorch_the_first_word_says_what_to_install(tmp_path, monkeypatch):
    def version_of_what_is_here(name):
        if name == "torch":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("maxmargin.studies.provenance.version", version_of_what_is_here)
    with pytest.raises(InputError, match=r"PyTorch is not installed; pip install \"maxmargin\[deep\]\""):
        run(tmp_path)
    assert not list(tmp_path.iterdir())
