import numpy as np
import pandas as pd
import pytest

from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset, read_features

TRAINED = {
    "kind": "table",
    "feature_names": ["length", "colour"],
    "text_columns": ["colour"],
    "target_name": "species",
}


def read(source, **trained):
    rows = read_features(source, **trained)
    return rows.X, rows.notes, rows.y


def write(tmp_path, text, name="new.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_columns_are_matched_by_name(tmp_path):
    path = write(tmp_path, "id,colour,species,length\nx1,red,setosa,1.5\nx2,?,virginica,\n")
    X, notes, y = read(path, **TRAINED)
    assert list(X.columns) == ["length", "colour"]
    assert X["length"].iloc[0] == 1.5
    assert X.isna().sum().tolist() == [1, 1]
    assert y.tolist() == ["setosa", "virginica"]
    assert notes == []


def test_without_a_label_or_with_some_missing(tmp_path):
    X, _, y = read(write(tmp_path, "length,colour\n1,red\n"), **TRAINED)
    assert (X.shape, y) == ((1, 2), None)
    _, notes, y = read(write(tmp_path, "length,colour,species\n1,red,setosa\n2,red,\n"), **TRAINED)
    assert y is None
    assert notes == ["the label 'species' is not used: 1 of 2 labels are missing"]


def test_one_class_and_one_row_are_enough(tmp_path):
    _, _, y = read(write(tmp_path, "length,colour,species\n1,red,setosa\n"), **TRAINED)
    assert y.tolist() == ["setosa"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("length,species\n1,setosa\n", "missing feature columns 'colour'; the file has 'length', 'species'"),
        ("length,colour\n", "a header but no rows"),
        ("length,colour\n1,red\n2\n", "line 3 has 1 cell where 2"),
        ("length,colour\n1,red\ninf,red\n", "column 'length' has the value inf in line 3"),
    ],
)
def test_damage_is_named(tmp_path, text, expected):
    with pytest.raises(InputError, match=r"new\.csv: ") as caught:
        read_features(write(tmp_path, text), **TRAINED)
    assert expected in str(caught.value)


def test_parquet_and_known_names():
    X, _, y = read("wine", kind="table", feature_names=["hue", "ash"])
    assert list(X.columns) == ["hue", "ash"]
    assert len(y) == 178
    with pytest.raises(InputError, match="missing feature columns 'weight'"):
        read_features("wine", kind="table", feature_names=["weight"])


def test_parquet_rows(tmp_path):
    pd.DataFrame({"colour": ["red"], "length": [2]}).to_parquet(tmp_path / "new.parquet")
    X, _, y = read(tmp_path / "new.parquet", **TRAINED)
    assert X.iloc[0].tolist() == [2, "red"]
    assert y is None


def test_arrays_with_and_without_labels(tmp_path):
    trained = {"kind": "array", "feature_names": ["c0", "c1"], "target_name": "y"}
    X = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.savez(tmp_path / "a.npz", X=X)
    np.savez(tmp_path / "b.npz", X=X, y=np.array([5, 5]))
    np.savez(tmp_path / "c.npz", X=X[:, :1])
    found, _, y = read(tmp_path / "a.npz", **trained)
    assert (found == X).all()
    assert y is None
    assert read(tmp_path / "b.npz", **trained)[2].tolist() == [5, 5]
    with pytest.raises(
        InputError, match="holds rows of 1 features, but the model was trained on rows of 2 features"
    ):
        read_features(tmp_path / "c.npz", **trained)
    found, _, _ = read(write(tmp_path, "c1,c0\n2,1\n4,3\n"), **trained)
    assert (found == X).all()


def test_images_in_arrays(tmp_path):
    trained = {"kind": "image", "feature_names": [f"p{j}" for j in range(6)], "image_shape": (2, 3)}
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.savez(tmp_path / "a.npz", images=pixels)
    X, _, _ = read(tmp_path / "a.npz", **trained)
    np.testing.assert_array_equal(X, pixels.reshape(2, 6) / np.float32(255))
    np.savez(tmp_path / "b.npz", images=pixels.transpose(0, 2, 1))
    with pytest.raises(InputError, match="holds images of 3x2, but the model was trained on images of 2x3"):
        read_features(tmp_path / "b.npz", **trained)


def test_another_kind_of_source_is_refused(tmp_path):
    path = write(tmp_path, "1 1:2\n", "a.libsvm")
    with pytest.raises(InputError, match="cannot be read as a table of 2 features"):
        read_features(path, **TRAINED)
    with pytest.raises(InputError, match="unknown kind of data 'tables'"):
        read_features(path, kind="tables", feature_names=["a"])
    with pytest.raises(InputError, match="no file, folder or built-in data set"):
        read_features(tmp_path / "gone.csv", **TRAINED)


@pytest.mark.parametrize("name", ["iris", "digits"])
def test_what_was_loaded_can_be_read_again(name):
    data = load_dataset(name)
    X, _, y = read(
        name,
        kind=data.kind,
        feature_names=data.feature_names,
        image_shape=data.image_shape,
        target_name="target",
    )
    assert X.shape == data.X.shape
    assert (y == data.y).all()


def test_text_columns_are_read_as_they_stand(tmp_path):
    X, _, _ = read(write(tmp_path, "length,colour\n1,007\n2,?\n3,\n4,1.0\n"), **TRAINED)
    assert X["colour"].iloc[[0, 3]].tolist() == ["007", "1.0"]
    assert X["colour"].isna().tolist() == [False, True, True, False]
    pd.DataFrame({"colour": [7, 8], "length": [1, 2]}).to_parquet(tmp_path / "numbers.parquet")
    assert read(tmp_path / "numbers.parquet", **TRAINED)[0]["colour"].tolist() == ["7", "8"]


def test_text_where_numbers_were_is_named(tmp_path):
    with pytest.raises(
        InputError, match="column 'length' holds text such as 'long' in line 2, but the model"
    ):
        read(write(tmp_path, "length,colour\nlong,red\n"), **TRAINED)


def test_rows_are_numbered(tmp_path):
    assert read_features(write(tmp_path, "length,colour\n1,red\n2,blue\n"), **TRAINED).names == [0, 1]


def test_leading_zeros_to_predict(tmp_path):
    rows = "length,colour,species\n010,02,01067\n011,3,10115\n"
    X, _, y = read(write(tmp_path, rows), **TRAINED)
    assert X["length"].tolist() == [10, 11]
    assert X["colour"].tolist() == ["02", "3"]
    assert y.tolist() == ["01067", "10115"]


@pytest.mark.parametrize("name", ["new.csv", "new.parquet", "new.npz"])
def test_a_label_of_text_stays_text(tmp_path, name):
    trained = {**TRAINED, "text_columns": ["colour", "species"]}
    frame = pd.DataFrame({"length": [1, 2], "colour": ["red", "blue"], "species": ["10115", "7"]})
    if name.endswith("npz"):
        trained = {"kind": "array", "feature_names": ["c0"], "target_name": "y", "text_columns": ["y"]}
        np.savez(tmp_path / name, X=frame[["length"]], y=frame["species"].to_numpy(str))
    elif name.endswith("csv"):
        frame.to_csv(tmp_path / name, index=False)
    else:
        frame.astype({"species": int}).to_parquet(tmp_path / name)
    assert read(tmp_path / name, **trained)[2].tolist() == ["10115", "7"]
