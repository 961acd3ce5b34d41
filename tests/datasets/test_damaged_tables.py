import gzip
import re

import numpy as np
import pandas as pd
import pytest

from tests.datasets.refusals import refusal

GOOD = "a,b,y\n1,2,u\n2,1,v\n3,5,u\n4,4,v\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        ("a,b,y\n", "a header but no rows"),
        ("a,y\n1,u\n2,u\n3,u\n", "the label 'y' has one class, 'u'"),
        (
            "a,y\n1,u\n2,v\n3,u\n4,w\n5,v\n",
            "class 'w' of the label 'y' has one sample, in line 5; a class needs at least 2",
        ),
        (
            "a,y\n1,1\n2,1\n3,1\n4,2\n5,3\n",
            "class 2 of the label 'y' has one sample (as has 1 more class), in line 5",
        ),
        ("a,b,y\n1,2,u\n1,2,v\n1,2,u\n1,2,v\n", "every feature column is constant"),
        ("a,b,y\n1,2,u\n2,1,v\n\n3,-inf,u\n4,4,v\n", "column 'b' has the value -inf in line 5"),
        ("a,b,y\n1,2,u\n2,1e300,v\n3,5,u\n4,4,v\n", "column 'b' has the value 1e+300 in line 3"),
        ("1,2,7\n2,-1e101,8\n3,5,7\n4,4,8\n", "column 'c1' has the value -1e+101 in line 2"),
        ("a,b,a,y\n1,2,3,u\n", "two columns are called 'a'"),
        (
            "a,y\n1,0.5\n2,0.25\n3,0.5\n",
            "the label 'y' holds numbers such as 0.5 (line 2), which looks like regression",
        ),
        ("a,b,y\n1,2,u\n2,1,\n3,5,u\n4,4,?\n", "2 of 4 labels in 'y' are missing, the first in line 3"),
        ("a,b,y\n1,2,3\n2,1,\n3,5,3\n4,4,5\n", "1 of 4 labels in 'y' are missing, the first in line 3"),
        ("a,b,y\n1,2,u\n2,1\n3,5,u\n", "line 3 has 2 cells where 3 are expected"),
        ("a,b,y\n1,2,u\n2,1,v,9\n3,5,u\n", "line 3 has 4 cells where 3 are expected"),
        ("a,b,y\n1,2,u,\n2,1,v,\n", "line 2 has 4 cells where 3 are expected"),
        ('a,b,y\n1,2,u\n2,"1,v\n3,5,u\n', "cannot be read after line 2 (unexpected end of data)"),
        ("y\nu\nv\nu\nv\n", "no feature columns left beside the label 'y': it is the only column"),
        (
            "name,void,y\nada,,u\nbob,,v\ncy,,u\ndee,,v\n",
            "no feature columns left beside the label 'y': column 'name' left out: every row has a different "
            "text; column 'void' left out: it is empty",
        ),
        (
            ",,,,,,,y\n" + 2 * ",,,,,,,u\n,,,,,,,v\n",
            "column 'Unnamed: 4' left out: it is empty; 2 more left out",
        ),
        ("nr,y\n" + "".join(f"{i},u\n" for i in range(30)), "has one class, 'u'"),
        (
            "a,y\n1,k1\n2,k2\n3,k3\n4,k3\n5,k5\n",
            "the label 'y' looks like an identifier (4 values in 5 rows)",
        ),
        ("a,b,y\n1,x\0,u\n", "not text (a zero byte at byte 9)"),
    ],
)
def test_one_line_says_what_is_wrong_and_where(tmp_path, text, expected):
    path = tmp_path / "bad.csv"
    path.write_bytes(text.encode())
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert expected in message


def test_line_numbers_count_line_breaks_in_cells(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text('a,b,y\n"p\nq",2,u\n"p\nq",inf,v\nr,5,u\nr,4,v\n')
    assert "column 'b' has the value inf in line 5" in refusal(path)


def test_text_that_is_not_utf8(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes("größe,y\n1,u\n".encode("latin1"))
    assert refusal(path) == f"{path}: not UTF-8 text at byte 2; save it as UTF-8"


def test_unknown_target_lists_at_most_twenty_columns(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"f{j}" for j in range(30)) + "\n" + ",".join(map(str, range(1, 31))) + "\n")
    message = refusal(path, target="label")
    assert "no column 'label'; the columns are 'f0', " in message
    assert message.endswith("'f19' and 10 more")


def test_missing_file_names_close_ones(tmp_path):
    (tmp_path / "flowers.csv").write_text(GOOD)
    assert f"did you mean '{tmp_path / 'flowers.csv'}'?" in refusal(tmp_path / "flower.csv")
    assert "did you mean 'iris'?" in refusal("irris")
    assert "check the path" in refusal(tmp_path / "nowhere" / "qqqq.csv")


@pytest.mark.parametrize("name", ["a.xlsx", "README"])
def test_unknown_format(tmp_path, name):
    (tmp_path / name).write_text(GOOD)
    message = refusal(tmp_path / name)
    assert "unknown file ending" in message
    assert ".parquet" in message


@pytest.mark.parametrize("cut", [30, 8])
def test_cut_off_gzip(tmp_path, cut):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(GOOD.encode() * 50)[:cut])
    assert "a damaged or cut-off gzip file" in refusal(path)


def test_gzip_that_is_none(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_text(GOOD)
    assert "a damaged or cut-off gzip file" in refusal(path)


@pytest.mark.parametrize("damage", ["text", "cut", "flipped"])
def test_damaged_parquet(tmp_path, damage):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"x": np.arange(500.0), "y": np.arange(500) % 2}).to_parquet(path)
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(
        {"text": GOOD.encode(), "cut": data[:middle], "flipped": data[:40] + b"\xff" * 2000 + data[2040:]}[
            damage
        ]
    )
    assert "not a readable Parquet file" in refusal(path)


def test_parquet_with_lists_or_no_rows(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"x": [[1], [2], [3], [4]], "y": ["u", "v"] * 2}).to_parquet(path)
    assert "column 'x' holds a ndarray in each cell" in refusal(path)
    pd.DataFrame({"x": np.empty(0), "y": np.empty(0)}).to_parquet(path)
    assert "a header but no rows" in refusal(path)


def test_parquet_rows_are_counted_from_one(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"x": [1.0, np.inf, 2.0, 3.0], "y": ["u", "v"] * 2}).to_parquet(path)
    assert "column 'x' has the value inf in row 2" in refusal(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, "line 1 is not ARFF"),
        ("@relation r\n@attribute a numeric\n", "no @attribute and @data lines"),
        ("@relation r\n@attribute a\n@data\n1\n", "line 2 is no ARFF attribute"),
        (
            "@relation r\n@attribute a numeric\n@attribute a numeric\n@data\n1,2\n",
            "two columns are called 'a'",
        ),
        ("@relation r\n@attribute a numeric\n@attribute y {u,v}\n@data\n", "a header but no rows"),
        (
            "@relation r\n@attribute a numeric\n@attribute y {u,v}\n@data\n1,u\n%\n2\n",
            "line 7 has 1 cell where 2",
        ),
        (
            "@relation r\n@attribute a numeric\n@attribute y {u,v}\n@data\n{0 1, 1 u}\n",
            "line 5 is a sparse ARFF row",
        ),
        (
            "@relation r\n@attribute a numeric\n@attribute y {u,v}\n@data\n1,u\n\n1e200,v\n2,u\n3,v\n",
            "column 'a' has the value 1e+200 in line 7",
        ),
    ],
)
def test_damaged_arff(tmp_path, text, expected):
    path = tmp_path / "a.arff"
    path.write_text(text)
    assert expected in refusal(path)


def test_target_and_image_size_where_they_mean_nothing(tmp_path):
    assert re.search("leave out --target", refusal("iris", target="species"))
    path = tmp_path / "a.csv"
    path.write_text(GOOD)
    assert "an image size goes with a folder of images" in refusal(path, image_size=8)


def test_a_suggested_path_can_be_typed_as_it_stands(tmp_path, monkeypatch):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "new_unseen.csv").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert refusal("d/new_unsen.csv").endswith("did you mean 'd/new_unseen.csv'?")


def test_links_that_lead_nowhere(tmp_path):
    (tmp_path / "gone.csv").symlink_to(tmp_path / "moved.csv")
    expected = f"{tmp_path / 'gone.csv'}: a link to '{tmp_path / 'moved.csv'}', which is not there"
    assert refusal(tmp_path / "gone.csv").startswith(expected)
    (tmp_path / "round.csv").symlink_to(tmp_path / "circle.csv")
    (tmp_path / "circle.csv").symlink_to(tmp_path / "round.csv")
    assert refusal(tmp_path / "round.csv").startswith(
        f"{tmp_path / 'round.csv'}: a link that leads back to itself"
    )
