import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from maxmargin.reports import summarise, write_html

UGLY = (
    "<script>alert(1)</script>",
    "\"quoted\" & 'single'",
    "$x^2$ and $",
    "emoji 👩‍🔬",
    "x" * 200,
    "日本語",
    "a\x00b\nc",
    "\u202egnp",
)


class Page(HTMLParser):
    """The tags, the ids and the text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.ids, self.links, self.text = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href"):
                self.links.append(value)
            if name == "title":
                self.text.append(value)

    def handle_data(self, data):
        self.text.append(data)


def write(records, path):
    write_html(summarise(records), path)
    return path.read_text(encoding="utf-8")


def test_page_of_real_data_holds_every_part(digits, tmp_path):
    html = write(digits, tmp_path / "report.html")
    page = Page(html)
    text = " ".join(page.text)
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", html)
    assert headings == [
        "Verdict", "Accuracy", "Classes", "Margins", "Time", "Hyper-parameters", "Data", "Protocol",
        "Use the model",
    ]  # fmt: skip
    assert page.tags.count("figure") == 6
    assert len(page.ids) == len(set(page.ids))
    for words in (
        "SVM with RBF kernel",
        "pixels are counts from 0 to 16",
        "scikit-learn 1.9.1",
        "maxmargin predict DIR/model",
    ):
        assert words in text
    assert all(link.startswith(("#", "data:")) for link in page.links)


def test_user_text_is_text(make_records, tmp_path):
    records = make_records(
        {"m3": [0.9, 0.8], "knn": [0.7, 0.7]},
        UGLY,
        name="<b>bold</b>",
        notes=["<img src=x onerror=alert(3)>"],
    )
    records[1]["warnings"] = ["<script>alert(4)</script>"]
    records.append({"kind": "failure", "method": "cs", "split": 0, "error": "<script>alert(5)</script>"})
    page = Page(write(records, tmp_path / "report.html"))
    assert not {"script", "b", "img"} & set(page.tags)
    text = " ".join(page.text)
    for shown in (
        *UGLY[:6],
        "a\ufffdb c",
        "\ufffdgnp",
        "<b>bold</b>",
        "<img src=x onerror=alert(3)>",
        "<script>alert(4)",
    ):
        assert shown in text
    assert "\x00" not in text
    assert "\u202e" not in text


def test_a_name_that_looks_like_an_id_stays_as_it_is(make_records, tmp_path):
    html = write(make_records({"m3": [0.9, 0.8]}, ('id="a"', "url(#b)")), tmp_path / "report.html")
    text = " ".join(Page(html).text)
    assert 'id="a"' in text
    assert "url(#b)" in text
    assert "url(#confusion-m3-b)" not in text


def test_the_same_records_give_the_same_bytes(digits, tmp_path):
    first, second = tmp_path / "a" / "report.html", tmp_path / "b" / "other.html"
    write(digits, first)
    write(json.loads(json.dumps(digits)), second)
    assert first.read_bytes() == second.read_bytes()


def test_matplotlib_settings_of_the_process_are_neither_used_nor_changed(make_records, tmp_path):
    import matplotlib

    records = make_records({"m3": [0.9, 0.8], "knn": [0.7, 0.7]})
    expected = write(records, tmp_path / "plain.html")
    with matplotlib.rc_context({"font.size": 33, "svg.fonttype": "path", "axes.facecolor": "red"}):
        before = dict(matplotlib.rcParams)
        assert write(records, tmp_path / "set.html") == expected
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("n_classes", [2, 12, 13, 100])
def test_number_of_classes(make_records, tmp_path, n_classes):
    classes = [f"class {k}" for k in range(n_classes)]
    records = make_records({"m3": [0.9, 0.8], "knn": [0.7, 0.7]}, classes, n_test=400)
    html = write(records, tmp_path / "report.html")
    rows = re.findall(r'<th scope="row"[^>]*><bdi>class \d+</bdi>', html)
    assert len(rows) == (n_classes if n_classes <= 20 else 10)
    assert ("classes that are hardest" in html) == (n_classes > 20)
    cells = re.findall(
        r"<text[^>]*>(\d+)</text>", html.partition('id="confusion-m3-title"')[2].partition("</svg>")[0]
    )
    assert bool(cells) == (n_classes <= 12)


@pytest.mark.parametrize("n_methods", [1, 12])
@pytest.mark.parametrize("repeats", [1, 3])
def test_number_of_methods_and_splits(make_records, tmp_path, n_methods, repeats):
    records = make_records({f"method-{k}": [0.9 - k / 50] * repeats for k in range(n_methods)})
    page = Page(write(records, tmp_path / "report.html"))
    confusions = min(n_methods, 2)
    differences = n_methods > 1 and repeats > 1
    assert page.tags.count("figure") == 3 + confusions + differences
    assert ("no interval and no test" in " ".join(page.text)) == (repeats == 1)


def test_a_run_that_finished_nothing_still_has_a_page(make_records, tmp_path):
    page = Page(write(make_records({"m3": [0.9, 0.8]})[:2], tmp_path / "report.html"))
    text = " ".join(page.text)
    assert "No method has finished all 2 splits" in text
    assert "has not saved a model" in text
    assert "figure" not in page.tags


def test_methods_without_margins_and_classes_without_samples(make_records, tmp_path):
    records = make_records({"knn": [0.9, 0.8]}, ("a", "b", "c"))
    for record in records[1:3]:
        record["margins"] = None
        record["confusion"] = [[40, 10, 0], [10, 40, 0], [0, 0, 0]]
    html = write(records, tmp_path / "report.html")
    assert ">Margins<" not in html
    assert re.search(r"<bdi>c</bdi></th><td>133</td><td>–</td>", html)


def test_the_page_is_replaced_whole(make_records, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("before")
    records = make_records({"m3": [0.9, 0.8]})
    summary = summarise(records)
    with pytest.raises(KeyError):
        write_html(replace(summary, data={}), path)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
