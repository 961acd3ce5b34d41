import gzip

import pytest
import scipy.sparse as sp

from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset, read_features

ROWS = "# a comment\n+1 1:0.5 3:2\n-1 2:1.5 # said\n\n+1 1:1\n-1 2:-2e-1 4:1\n"


@pytest.mark.parametrize("name", ["a.libsvm", "a.svm", "a.svmlight", "a.txt", "a.libsvm.gz", "a.txt.gz"])
def test_rows_become_sparse(tmp_path, name):
    text = ROWS.split("\n", 1)[1].encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    data = load_dataset(tmp_path / name)
    assert (data.name, data.kind, data.target_name) == ("a", "sparse", "label")
    assert sp.issparse(data.X)
    assert data.X.format == "csr"
    assert data.X.toarray().tolist() == [[0.5, 0, 2, 0], [0, 1.5, 0, 0], [1, 0, 0, 0], [0, -0.2, 0, 1]]
    assert data.y.tolist() == [1, -1, 1, -1]
    assert data.feature_names == ["1", "2", "3", "4"]


def test_indices_from_zero_are_kept(tmp_path):
    path = tmp_path / "a.svm"
    path.write_text("1 0:1 1:2\n2 1:1\n1 0:3\n2 1:4\n")
    data = load_dataset(path)
    assert data.feature_names == ["0", "1"]
    (tmp_path / "new.svm").write_text("1 1:5\n")
    rows = read_features(tmp_path / "new.svm", kind="sparse", feature_names=data.feature_names)
    X, y = rows.X, rows.y
    assert X.toarray().tolist() == [[0, 5]]
    assert y.tolist() == [1]


def test_unlabelled_rows_and_unknown_features(tmp_path):
    path = tmp_path / "new.svm"
    path.write_text("1:5 3:1\n2:1\n")
    rows = read_features(path, kind="sparse", feature_names=["1", "2", "3", "4"])
    X, y = rows.X, rows.y
    assert X.toarray().tolist() == [[5, 0, 1, 0], [0, 1, 0, 0]]
    assert y is None
    with pytest.raises(InputError, match="feature indices 1 to 3, but the model knows 1 to 2"):
        read_features(path, kind="sparse", feature_names=["1", "2"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file is empty"),
        ("1 1:2\n2 x:1\n", "line 2 is not libsvm text"),
        ("1 1:2\n\n1,2 2:1\n", "line 3 is not libsvm text"),
        ("1 1:2\n2 3:1 2:1\n", "line 2: feature indices must rise"),
        ("1 1:2\n2 2:1 2:3\n", "line 2: feature indices must rise"),
        (
            "1 1:2\n1 1:1 99999999999:2\n",
            "line 2: the feature index 99999999999 is too large; give whole numbers",
        ),
        ("1 100000000:2\n", "index 100000000 is too large; give whole numbers from 0 to 99999999"),
        (f"1 {'9' * 5000}:2\n", "line 1: the feature index 9999"),
        ("1\n2\n", "no 'index:value' pair"),
        ("1:2\n2:1\n", "the rows have no label"),
        ("1 1:2\n2:1\n", "line 2 differs from the first"),
        ("1 1:2\n2 1:nan\n1 1:1\n2 1:1\n", "a value is nan"),
        ("1 1:2\n\n2 2:inf\n1 1:1\n2 1:1\n", "column '2' has the value inf in line 3"),
        ("1 1:2\n2 2:1e300\n1 1:1\n2 1:1\n", "column '2' has the value 1e+300 in line 2"),
        ("1 1:2\n1 1:3\n", "has one class, 1"),
        ("1 1:2\n1 1:3\n2 1:4\n", "class 2 of the label 'label' has one sample, in line 3"),
        ("0.5 1:2\n1.5 1:3\n", "looks like regression"),
        ("1 1:2\n2 1:2\n1 1:2\n2 1:2\n", "every feature column is constant"),
    ],
)
def test_damaged_rows(tmp_path, text, expected):
    path = tmp_path / "a.libsvm"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_dataset(path)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
