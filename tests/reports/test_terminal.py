import io

import pytest
from rich.console import Console

from maxmargin.reports import summarise, terminal_table


def printed(records, width):
    stream = io.StringIO()
    Console(file=stream, width=width, legacy_windows=False).print(terminal_table(summarise(records)))
    return stream.getvalue().splitlines()


def rows(lines):
    return {line.split()[0]: line for line in lines if line.strip()}


@pytest.mark.parametrize("width", [80, 200])
def test_every_method_stands_on_one_whole_line(digits, width):
    lines = printed(digits, width)
    summary = summarise(digits)
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    table = rows(lines)
    for result in summary.results:
        line = table[result.method]
        assert f"{100 * result.row.mean:.1f}±" in line
        assert line.rstrip().endswith(f"{100 * result.recall.min():.1f}")


def test_the_widest_numbers_still_fit_80_columns(make_records):
    records = make_records({"m3": [1.0, 0.998, 1.0], "nearest-centroid": [0.01, 0.4, 0.02]})
    for record in records[1:-1]:
        record["fit_seconds"] = record["predict_seconds"] = 12345.6
    lines = printed(records, 80)
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("nearest-c") and "12346" in line and "±22.2" in line for line in lines)


def test_one_split_leaves_out_what_needs_several(make_records):
    lines = printed(make_records({"m3": [0.9], "knn": [0.5]}), 80)
    text = "\n".join(lines)
    assert "interval" not in text
    assert "±" not in text
    assert rows(lines)["knn"].split()[:3] == ["knn", "50.0", "−40.0"]


def test_names_are_not_markup(make_records):
    assert any(line.startswith("[red]m3") for line in printed(make_records({"[red]m3": [0.9, 0.8]}), 80))
