import datetime
import decimal
import gzip

import numpy as np
import pandas as pd
import pytest

from maxmargin.datasets import load_dataset

FLOWERS = (
    "length,colour,ok,species\n1.5,red,True,setosa\n2.5,blue,False,virginica\n"
    "3.5,red,True,setosa\n4.5,blue,False,virginica\n"
)


def write(tmp_path, text, name="flowers.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_last_column_is_the_label_and_types_are_kept(tmp_path):
    path = write(tmp_path, FLOWERS)
    data = load_dataset(path)
    assert (data.name, data.kind, data.image_shape, data.source) == ("flowers", "table", None, str(path))
    assert data.feature_names == ["length", "colour", "ok"] == list(data.X.columns)
    assert data.target_name == "species"
    assert list(data.y) == ["setosa", "virginica"] * 2
    assert data.X["length"].tolist() == [1.5, 2.5, 3.5, 4.5]
    assert data.X["colour"].tolist() == ["red", "blue", "red", "blue"]
    assert data.X["ok"].tolist() == [1, 0, 1, 0]
    assert data.X["ok"].dtype.kind in "if"
    assert data.notes == ["the label is the last column, 'species'; --target names another"]


def test_named_target_is_taken_without_a_note(tmp_path):
    data = load_dataset(write(tmp_path, FLOWERS), target="colour")
    assert data.feature_names == ["length", "ok", "species"]
    assert sorted(set(data.y)) == ["blue", "red"]
    assert data.notes == []


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["1", "2", "1", "2"], [1, 2, 1, 2]),
        (["1.0", "2.0", "1.0", "2.0"], [1, 2, 1, 2]),
        (["-1", "+1", "-1", "+1"], [-1, 1, -1, 1]),
        (["True", "False", "True", "False"], ["True", "False", "True", "False"]),
        (["007", "--5", "007", "--5"], ["007", "--5", "007", "--5"]),
        (["None", "a", "None", "a"], ["None", "a", "None", "a"]),
    ],
)
def test_labels_become_integers_or_texts(tmp_path, labels, expected):
    rows = [f"{i},{label}" for i, label in enumerate(labels)]
    y = load_dataset(write(tmp_path, "\n".join(["x,y", *rows]))).y
    assert y.tolist() == expected
    assert y.dtype.kind in "iU"


def test_missing_cells_and_question_marks(tmp_path):
    text = "a,b,c,y\n1,?,red,u\n,2,?,v\n3,NA,blue,u\n4,5,red,v\n"
    data = load_dataset(write(tmp_path, text))
    assert data.X.isna().sum().tolist() == [1, 2, 1]
    assert [data.X[c].dtype.kind for c in "ab"] == ["f", "f"]
    assert data.X["c"].dropna().tolist() == ["red", "blue", "red"]
    assert data.notes[1:] == [
        "'?' in column 'b' counts as missing (1 value)",
        "'?' in column 'c' counts as missing (1 value)",
        "column 'a' has 1 missing value (25 %), imputed with the median of the training rows",
        "column 'b' has 2 missing values (50 %), imputed with the median of the training rows",
        "column 'c' has 1 missing value (25 %), kept as a value of its own",
    ]


def test_many_columns_with_missing_cells_get_six_notes(tmp_path):
    names = [f"f{j}" for j in range(9)]
    rows = [",".join([*["" if i == 0 else str(i + j) for j in range(9)], "uv"[i % 2]]) for i in range(6)]
    data = load_dataset(write(tmp_path, "\n".join([",".join([*names, "y"]), *rows])))
    said = [note for note in data.notes if "missing" in note]
    assert len(said) == 6
    assert said[-1] == "4 more columns with 4 missing values in all, treated likewise"


def test_columns_without_use_are_left_out_aloud(tmp_path):
    head = ",id,empty,same,x,y\n"
    rows = "".join(f"{i},person {i},,7,{i * i},{'uv'[i % 2]}\n" for i in range(8))
    data = load_dataset(write(tmp_path, head + rows))
    assert data.feature_names == ["same", "x"]
    assert data.notes[1:] == [
        "column 'Unnamed: 0' left out: it has no name and counts the rows",
        "column 'id' left out: every row has a different text",
        "column 'empty' left out: it is empty",
        "column 'same' is constant",
    ]


def test_nearly_different_texts_are_left_out(tmp_path):
    rows = "".join(f"{i * i},p{max(i, 1)},{'uv'[i % 2]}\n" for i in range(40))
    data = load_dataset(write(tmp_path, "x,id,y\n" + rows))
    assert data.feature_names == ["x"]
    assert "column 'id' left out: nearly every row has a different text (39 in 40 rows)" in data.notes


def test_mostly_numbers_are_read_as_text_with_the_line_named(tmp_path):
    text = "a,y\n1,u\n2,v\n1,u\nabc,v\n\n2,u\n1,v\nabc,u\n"
    data = load_dataset(write(tmp_path, text))
    assert data.X["a"].tolist()[3] == "abc"
    assert "column 'a' is read as text: 2 values that cannot be a number, first 'abc' in line 5" in data.notes


def test_header_of_numbers_is_data(tmp_path):
    data = load_dataset(write(tmp_path, "5.1,3.5,0\n4.9,3.0,1\n5.0,3.1,0\n4.8,3.2,1\n"))
    assert data.feature_names == ["c0", "c1"]
    assert data.X.shape == (4, 2)
    assert data.X.iloc[0].tolist() == [5.1, 3.5]
    assert data.notes[0] == "the first row holds values, not names: the columns are called c0 to c2"


def test_header_of_numbers_beside_a_word_is_data(tmp_path):
    data = load_dataset(
        write(tmp_path, "5.1,3.5,setosa\n4.9,3.0,virginica\n5.0,3.1,setosa\n4.8,3.2,virginica\n")
    )
    assert data.X.shape == (4, 2)
    assert sorted(set(data.y)) == ["setosa", "virginica"]


def test_pandas_default_names_and_years_are_names(tmp_path):
    counted = load_dataset(write(tmp_path, "0,1,2\n5,6,7\n1,2,8\n5,6,7\n1,2,8\n"))
    assert counted.X.shape == (4, 2)
    assert counted.target_name == "2"
    years = load_dataset(write(tmp_path, "2019,2020,y\n5,6,a\n1,2,b\n5,6,a\n1,2,b\n", "years.csv"))
    assert years.feature_names == ["2019", "2020"]


@pytest.mark.parametrize(
    ("name", "separator"), [("a.csv", ";"), ("a.tsv", "\t"), ("a.txt", "|"), ("a.csv", "\t")]
)
def test_other_separators(tmp_path, name, separator):
    data = load_dataset(write(tmp_path, FLOWERS.replace(",", separator), name))
    assert data.feature_names == ["length", "colour", "ok"]


@pytest.mark.parametrize(
    "change", [lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n"), lambda t: "\n" + t]
)
def test_byte_order_mark_line_ends_and_blank_lines(tmp_path, change):
    data = load_dataset(write(tmp_path, change(FLOWERS)))
    assert data.feature_names == ["length", "colour", "ok"]
    assert list(data.y) == ["setosa", "virginica"] * 2


def test_quoted_cells_hold_separators_and_line_breaks(tmp_path):
    text = 'x,"a,b",y\n1,"p,q",u\n2,"r\ns",v\n3,"p,q",u\n4,"r\ns",v\n'
    data = load_dataset(write(tmp_path, text))
    assert data.feature_names == ["x", "a,b"]
    assert data.X["a,b"].tolist() == ["p,q", "r\ns"] * 2


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tsv.gz"])
def test_gzip(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress((FLOWERS if "csv" in name else FLOWERS.replace(",", "\t")).encode()))
    data = load_dataset(path)
    assert data.name == "a"
    assert data.X.shape == (4, 3)


def test_dates_in_text_become_seconds(tmp_path):
    text = "day,y\n1970-01-02,u\n1970-01-03,v\n1970-01-02,u\n,v\n"
    data = load_dataset(write(tmp_path, text))
    assert data.X["day"].tolist()[:3] == [86400.0, 172800.0, 86400.0]
    assert "column 'day' holds dates, read as seconds since 1970" in data.notes


@pytest.mark.parametrize("written", ["02.01.1970", "2.1.1970", "02.01.1970 00:00", "2.1.1970 00:00:00"])
@pytest.mark.parametrize("separator", ",;")
def test_dates_with_the_day_first_become_seconds(tmp_path, written, separator):
    text = f"day,x,y\n{written},1,u\n13.01.1970,2,v\n1970-01-03,2,u\n,1,v\n".replace(",", separator)
    data = load_dataset(write(tmp_path, text))
    assert data.X["day"].tolist()[:3] == [86400.0, 12 * 86400.0, 2 * 86400.0]
    assert "column 'day' holds dates, read as seconds since 1970" in data.notes


def test_dates_of_two_readings_stay_text_aloud(tmp_path):
    text = "day,x,y\n06/27/2021,1,u\n06/28/2021,2,v\n06/27/2021,1,u\n?,2,v\n06/28/2021,2,v\n"
    data = load_dataset(write(tmp_path, text))
    assert data.X["day"].tolist()[:2] == ["06/27/2021", "06/28/2021"]
    assert (
        "column 'day' looks like dates that could be read in two ways and is kept as text; write 2021-06-27"
    ) in data.notes


@pytest.mark.parametrize("cells", [("1,5", "2"), ("-,5e1", "3"), ('"1,5"', "2")])
def test_a_decimal_comma_is_said(tmp_path, cells):
    said = "numbers are read with a decimal comma"
    rows = [f"{cell};{label}" for label in "uv" for cell in cells]
    assert said in load_dataset(write(tmp_path, "\n".join(["x;y", *rows]))).notes
    plain = load_dataset(write(tmp_path, "x;z;y\n1;;u\n2;1;v\n3;2;u\n5;;v\n"))
    assert said not in plain.notes


WHOLE = {
    "counts": list(range(7, 37)),
    "counts, in any order": [7 * i % 30 for i in range(30)],
    "differs": [1000 + i * i for i in range(30)],
    "repeats": [1000 + i * i for i in range(29)] + [1000],
}


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        *(
            (name, values, "its name and its values, different in every row, are those of an identifier")
            for values in ("counts", "differs")
            for name in (
                "id",
                "customer_id",
                "CustomerID",
                "PassengerId",
                "userid",
                "kundennr",
                "Order No.",
                "zipcode",
            )
        ),
        *((name, "differs", None) for name in ("income", "amount paid", "grid", "no_of_rooms", "piano", "x")),
        ("customer_id", "repeats", None),
    ],
)
def test_whole_numbers_that_count_or_name_the_rows_are_left_out(tmp_path, name, values, reason):
    rows = "".join(f"{value},{i % 7},{'uv'[i % 2]}\n" for i, value in enumerate(WHOLE[values]))
    data = load_dataset(write(tmp_path, f"{name},z,y\n{rows}"))
    assert data.feature_names == (["z"] if reason else [name, "z"])
    assert [note for note in data.notes if "left out" in note] == (
        [f"column {name!r} left out: {reason}"] if reason else []
    )


@pytest.mark.parametrize("values", ["counts", "counts, in any order"])
def test_a_column_that_numbers_the_rows_is_kept_and_told(tmp_path, values):
    rows = "".join(f"{value},{i % 7},{'uv'[i % 2]}\n" for i, value in enumerate(WHOLE[values]))
    data = load_dataset(write(tmp_path, f"x,z,y\n{rows}"))
    assert data.feature_names == ["x", "z"]
    assert "column 'x' numbers the rows one by one; if it measures nothing, remove it" in data.notes


def test_few_rows_or_fractions_are_no_identifier(tmp_path):
    rows = [f"{i},{i + 0.5},{'uv'[i % 2]}" for i in range(19)]
    assert load_dataset(write(tmp_path, "\n".join(["id,key,y", *rows]))).feature_names == ["id", "key"]
    rows = [f"{i * i},{i + 0.5},{'uv'[i % 2]}" for i in range(40)]
    assert load_dataset(write(tmp_path, "\n".join(["id,key,y", *rows]))).feature_names == ["key"]


ZIPS = "plz,count,y\n01067,7,007\n10115,8,11\n01067,9,007\n?,0,11\n,5,11\n"


@pytest.mark.parametrize("form", ["csv", "tsv", "arff"])
def test_leading_zeros_are_kept(tmp_path, form):
    head = "@attribute plz numeric\n@attribute count numeric\n@attribute y {007,11}\n@data\n"
    text = {
        "csv": ZIPS,
        "tsv": ZIPS.replace(",", "\t"),
        "arff": head + ZIPS.split("\n", 1)[1].replace("\n,", "\n?,"),
    }[form]
    data = load_dataset(write(tmp_path, text, f"a.{form}"))
    assert data.X["plz"].tolist()[:3] == ["01067", "10115", "01067"]
    assert data.X["plz"].isna().tolist() == [False] * 3 + [True] * 2
    assert data.X["count"].tolist() == [7, 8, 9, 0, 5]
    assert data.y.tolist() == ["007", "11", "007", "11", "11"]
    assert [note for note in data.notes if "zeros" in note] == [
        "column 'plz' has leading zeros and is read as text"
    ]


def test_zeros_before_a_fraction_are_no_text(tmp_path):
    rows = "01.5,0,00,0x,u\n02,0.1,10,1,v\n"
    data = load_dataset(write(tmp_path, "a,b,c,d,y\n" + 2 * rows))
    assert data.X["a"].tolist() == [1.5, 2] * 2
    assert data.X["b"].tolist() == [0, 0.1] * 2
    assert data.X["c"].tolist() == ["00", "10"] * 2
    assert data.X["d"].tolist() == ["0x", "1"] * 2


def test_leading_zeros_beside_a_dash(tmp_path):
    data = load_dataset(write(tmp_path, "plz,x,y\n01067,1,u\n-,2,v\n01067,2,u\n10115,1,v\n"))
    assert data.X["plz"].tolist() == ["01067", "-", "01067", "10115"]


def test_labels_that_differ_by_blanks_are_merged_aloud(tmp_path):
    said = "labels that differ only by blanks around them count as one"
    data = load_dataset(write(tmp_path, "x,y\n1,u\n2,v \n3,u \n4,v\n"))
    assert data.y.tolist() == ["u", "v", "u", "v"]
    assert said in data.notes
    assert said not in load_dataset(write(tmp_path, "x,y\n1,u\n2,v \n3,u\n4,v \n")).notes


def test_parquet_types(tmp_path):
    path = tmp_path / "mixed.parquet"
    frame = pd.DataFrame(
        {
            "flag": pd.array([True, None, False, True], dtype="boolean"),
            "whole": pd.array([1, 2, None, 4], dtype="Int64"),
            "when": pd.to_datetime(["1970-01-02", "1970-01-03", None, "1970-01-02"]),
            "lasted": pd.to_timedelta([1, 2, 3, 4], unit="s"),
            "day": [datetime.date(1970, 1, 2)] * 2 + [datetime.date(1970, 1, 3)] * 2,
            "money": [decimal.Decimal("1.5"), decimal.Decimal("2.5")] * 2,
            "sort": pd.Categorical(["a", "b", "a", "b"]),
            "y": ["u", "v", "u", "v"],
        },
        index=[3, 1, 2, 0],
    )
    frame.to_parquet(path)
    data = load_dataset(path)
    assert data.feature_names == list(frame.columns[:-1])
    assert [data.X[c].dtype.kind for c in data.feature_names[:-1]] == ["f"] * 6
    assert data.X["when"].tolist()[:2] == [86400.0, 172800.0]
    assert data.X["lasted"].tolist() == [1, 2, 3, 4]
    assert data.X["day"].tolist() == [86400.0, 86400.0, 172800.0, 172800.0]
    assert data.X["money"].tolist() == [1.5, 2.5, 1.5, 2.5]
    assert data.X["sort"].tolist() == ["a", "b", "a", "b"]
    assert np.isnan(data.X["flag"].tolist()[1])


def test_parquet_gz_and_categorical_label(tmp_path):
    pd.DataFrame({"x": [1, 2, 3, 4], "y": pd.Categorical([1, 2, 1, 2])}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    assert load_dataset(tmp_path / "b.parquet.gz").y.tolist() == [1, 2, 1, 2]


ARFF = """% a comment
@RELATION flowers
@attribute 'sepal length' numeric
@attribute colour {red, 'dark blue'}
@attribute remark string
@attribute class {a,b}
@DATA
% another
5.1,red,'x, y',a
?,'dark blue',z,b
4.9,red,'x, y',a
5.0,'dark blue',z,b
"""


@pytest.mark.parametrize("name", ["flowers.arff", "flowers.arff.gz"])
def test_arff(tmp_path, name):
    data = ARFF.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    read = load_dataset(tmp_path / name)
    assert read.feature_names == ["sepal length", "colour", "remark"]
    assert read.X["colour"].tolist() == ["red", "dark blue"] * 2
    assert read.X["remark"].tolist() == ["x, y", "z"] * 2
    assert read.X["sepal length"].isna().tolist() == [False, True, False, False]
    assert list(read.y) == ["a", "b"] * 2
