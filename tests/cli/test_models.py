"""From a fitted method to its folder, and from there to predictions and scores."""

import csv
import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from maxmargin import load_model
from maxmargin.datasets import load_dataset


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def cars(tmp_path_factory) -> Path:
    """A table of numbers, text and gaps."""
    rng = np.random.default_rng(3)
    n = 120
    heavy = np.arange(n) % 2 == 0
    table = pd.DataFrame(
        {
            "weight": np.where(heavy, 2.0, 1.0) + rng.normal(scale=0.2, size=n).round(3),
            "colour": rng.choice(["red", "blue"], n),
            "doors": rng.integers(2, 6, n),
            "class": np.where(heavy, "truck", "car"),
        }
    )
    table.loc[::11, "weight"] = np.nan
    table.loc[::13, "colour"] = None
    file = tmp_path_factory.mktemp("cars") / "cars.csv"
    table.to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def model(maxmargin, cars) -> Path:
    done = maxmargin("fit", "cars.csv", "--method", "softmax", "--jobs", 1, "--out", "model", cwd=cars.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert "accuracy in 3-fold cross-validation: 0." in done.stdout
    return cars.parent / "model"


def test_predictions_printed_and_written_are_the_same(maxmargin, here, model, cars, tmp_path):
    printed = maxmargin("predict", model, cars, "--proba", cwd=tmp_path)
    assert (printed.returncode, printed.stderr) == (0, "")
    code, said, error = here("predict", model, cars, "--proba", "--out", tmp_path / "new" / "preds.csv")
    assert (code, error) == (0, "")
    assert said == f"120 predictions: {tmp_path / 'new' / 'preds.csv'}\n"
    assert (tmp_path / "new" / "preds.csv").read_text() == printed.stdout
    rows = _rows(printed.stdout)
    assert list(rows[0]) == ["row", "prediction", "p(car)", "p(truck)"]
    assert [row["row"] for row in rows] == [str(i) for i in range(120)]
    shares = np.array([[float(row["p(car)"]), float(row["p(truck)"])] for row in rows])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert [row["prediction"] for row in rows] == np.array(["car", "truck"])[shares.argmax(axis=1)].tolist()
    table = load_dataset(cars)
    assert [row["prediction"] for row in rows] == load_model(model).predict(table.X).tolist()


def test_columns_in_any_order_with_others_between_give_the_same(here, model, cars, tmp_path):
    _, expected, _ = here("predict", model, cars)
    table = pd.read_csv(cars)
    table["extra"] = "text"
    table[["doors", "extra", "colour", "weight"]].to_csv(tmp_path / "shuffled.csv", index=False)
    code, found, _ = here("predict", model, tmp_path / "shuffled.csv")
    assert (code, found) == (0, expected)


def test_gaps_and_unseen_categories_are_predicted(here, model, tmp_path):
    (tmp_path / "new.csv").write_text("weight,colour,doors\n2.1,green,4\n,,\n0.9,red,2\n")
    code, printed, error = here("predict", model, tmp_path / "new.csv", "--proba")
    assert (code, len(_rows(printed))) == (0, 3)
    assert "Traceback" not in error
    assert [row["prediction"] for row in _rows(printed)][::2] == ["truck", "car"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("weight,doors\n2.1,4\n", ["missing", "'colour'"]),
        ("weight,colour,doors\nheavy,red,4\nlight,red,4\n", ["'weight'"]),
        ("weight,colour,doors\ninf,red,4\n", ["'weight'", "inf"]),
        ("weight,colour,doors\n", ["no rows"]),
        ("", ["new.csv"]),
    ],
)
def test_rows_that_do_not_fit_the_model_are_one_line(here, model, tmp_path, content, words):
    (tmp_path / "new.csv").write_text(content)
    code, printed, error = here("predict", model, tmp_path / "new.csv", "--out", tmp_path / "out.csv")
    assert (code, printed) == (2, "")
    assert error.startswith("maxmargin: error: ")
    assert error.count("\n") == 1
    for word in words:
        assert word in error
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]


def test_evaluate_scores_labelled_rows_and_refuses_others(here, model, cars, tmp_path):
    code, printed, error = here("evaluate", model, cars)
    assert (code, error) == (0, "")
    right = np.mean(load_model(model).predict(load_dataset(cars).X) == load_dataset(cars).y)
    assert f"accuracy {right:.4f}: {round(120 * right)} of 120 rows right" in printed
    pd.read_csv(cars).drop(columns="class").to_csv(tmp_path / "bare.csv", index=False)
    code, _, error = here("evaluate", model, tmp_path / "bare.csv")
    assert (code, error.count("\n")) == (2, 1)
    assert "the label 'class' is missing for some rows or all" in error


def test_predictions_replace_a_file_and_no_folder(here, model, cars, tmp_path):
    (tmp_path / "mine.csv").write_text("mine")
    code, _, error = here("predict", model, cars, "--out", tmp_path / "mine.csv")
    assert (code, error) == (0, "")
    assert (tmp_path / "mine.csv").read_text().startswith("row,prediction\n0,")
    code, _, error = here("predict", model, cars, "--out", tmp_path)
    assert (code, error) == (2, f"maxmargin: error: {tmp_path} is a folder; give a file with --out\n")


def test_a_model_replaces_only_a_model(here, tmp_path):
    arguments = ("fit", "iris", "--method", "dummy", "--jobs", 1, "--out")
    for _ in range(2):
        assert here(*arguments, tmp_path / "model")[0] == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    code, _, error = here(*arguments, tmp_path / "mine")
    assert (code, error.count("\n")) == (2, 1)
    assert "exists and is no model folder; choose another path" in error
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_method_without_probabilities_says_so(here, tmp_path):
    model = tmp_path / "model"
    code, _, _ = here("fit", "iris", "--method", "ovr", "--param", "C=1", "--jobs", 1, "--out", model)
    assert code == 0
    code, printed, error = here("predict", model, "iris", "--proba")
    assert (code, printed) == (2, "")
    assert error == f"maxmargin: error: {model}: the method 'ovr' has no probabilities; leave out --proba\n"


@pytest.mark.parametrize("name", ["model.json", "estimator.skops"])
@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_one_byte_flipped_is_noticed(here, model, cars, tmp_path, name, place):
    copy = shutil.copytree(model, tmp_path / "model")
    content = bytearray((copy / name).read_bytes())
    content[int(place * len(content)) if place > 0 else place] ^= 1
    (copy / name).write_bytes(content)
    code, printed, error = here("predict", copy, cars)
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert name in error
    assert "damaged" in error


def test_a_full_disk_leaves_no_half_predictions(environment, model, cars, tmp_path):
    command = ["bash", "-c", 'ulimit -f 1 && exec "$@"', "-", sys.executable, "-m", "maxmargin"]
    options = ["predict", str(model), str(cars), "--proba", "--out", "preds.csv"]
    done = subprocess.run([*command, *options], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("maxmargin: error: preds.csv: File too large; ")
    assert list(tmp_path.iterdir()) == []


def test_images_are_named_by_their_files(here, tmp_path, rng):
    for label, level in (("dark", 40), ("light", 200)):
        (tmp_path / "images" / label).mkdir(parents=True)
        for i in range(12):
            pixels = np.clip(rng.normal(level, 20, (8, 8)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / label / f"{label}{i:02}.png")
    model = tmp_path / "model"
    code, _, _ = here("fit", tmp_path / "images", "--method", "nearest-centroid", "--jobs", 1, "--out", model)
    assert code == 0
    code, printed, error = here("predict", model, tmp_path / "images" / "dark")
    assert (code, error) == (0, "")
    rows = _rows(printed)
    assert [Path(row["row"]).name for row in rows] == [f"dark{i:02}.png" for i in range(12)]
    assert {row["prediction"] for row in rows} == {"dark"}
    code, printed, error = here("evaluate", model, tmp_path / "images")
    assert (code, error) == (0, "")
    assert "24 of 24 rows right" in printed


def test_a_gap_where_the_training_rows_had_none_is_one_line(here, tmp_path, rng):
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 3)) + y[:, None]
    np.savez(tmp_path / "train.npz", X=X, y=y)
    X[5, 1] = np.nan
    np.savez(tmp_path / "new.npz", X=X)
    model = tmp_path / "model"
    train = ("fit", tmp_path / "train.npz", "--method", "nearest-centroid", "--jobs", 1, "--out", model)
    assert here(*train)[0] == 0
    code, printed, error = here("predict", model, tmp_path / "new.npz")
    assert (code, printed) == (2, "")
    assert error.splitlines()[-1].endswith(
        "new.npz: the model cannot be applied (Input X contains NaN); give rows as in training"
    )


def test_codes_with_leading_zeros_stay_as_they_are(here, tmp_path):
    rows = [f"{i % 7 + 5 * (i % 2)},{i % 3},{('007', '012')[i % 2]}" for i in range(40)]
    (tmp_path / "codes.csv").write_text("\n".join(["a,b,code", *rows]))
    model = tmp_path / "model"
    assert here("fit", tmp_path / "codes.csv", "--method", "softmax", "--jobs", 1, "--out", model)[0] == 0
    (tmp_path / "new.csv").write_text("a,b,code\n0,0,007\n11,1,012\n")
    code, printed, _ = here("predict", model, tmp_path / "new.csv")
    assert (code, printed.splitlines()[1:]) == (0, ["0,007", "1,012"])
    code, printed, _ = here("evaluate", model, tmp_path / "new.csv")
    assert (code, "accuracy 1.0000: 2 of 2 rows right" in printed) == (0, True)


def test_a_note_is_not_said_again_where_no_row_is_left_out(here, tmp_path):
    rows = [f"{i % 7},{i * i % 5},{'uv'[i % 2]}" for i in range(40)]
    (tmp_path / "few.csv").write_text("\n".join(["a,b,y", *rows]))
    arguments = ("fit", tmp_path / "few.csv", "--method", "dummy", "--jobs", 1, "--out", tmp_path / "model")
    code, printed, _ = here(*arguments, "--max-samples", 1000)
    assert (code, printed.count("the label is the last column")) == (0, 1)
    code, printed, _ = here(*arguments, "--max-samples", 20)
    assert (code, printed.count("20 of the 40 rows were drawn")) == (0, 1)
