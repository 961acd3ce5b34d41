"""The document, the page and the terminal's tables tell what the records say, and nothing else."""

import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from rich.console import Console

from maxmargin.evidence import Printed, Scale, Table
from maxmargin.reports.papers import (
    draw_figures,
    summarise_evidence,
    terminal_tables,
    write_evidence_html,
    write_markdown,
)
from tests.reports.evidence import UGLY, drawn, large, record

CELLS = re.compile(r"(?<!\\)\|")


@pytest.fixture(scope="module")
def sections():
    (first, records), (second, others) = drawn(), large()
    return summarise_evidence([first, second], {"drawn": records, "large": others})


@pytest.fixture(scope="module")
def figures(sections):
    return draw_figures(sections)


@pytest.fixture(scope="module")
def document(sections, figures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    write_markdown(sections, figures, folder)
    return folder / "results.md"


@pytest.fixture(scope="module")
def text(document):
    return document.read_text(encoding="utf-8").replace("\xa0", " ")


def rows(text, name):
    """Cells of the lines of a document's tables that begin with a name."""
    lines = [CELLS.split(line)[1:-1] for line in text.splitlines() if line.startswith(f"| {name} |")]
    return [[cell.strip() for cell in line] for line in lines]


def test_every_table_is_whole(text):
    widths = []
    for line in text.splitlines():
        if line.startswith("|"):
            widths.append(len(CELLS.split(line)))
        else:
            assert len(set(widths)) <= 1
            widths = []
    assert text.count("|---") > 20


def test_a_row_holds_the_papers_figure_ours_and_the_difference(text):
    assert rows(text, "svm")[0] == ["svm", "2.00", "2.10 [1.85 to 2.35]", "3", "+0.10", "1.60 to 2.60"]
    assert rows(text, "svm better than softmax")[0][1:] == [
        "**holds**", "−2.00 [−3.57 to −0.50]", "3", "−1.00"
    ]  # fmt: skip
    assert "Lower is better." in text
    # A table of ours has no column for a paper.
    assert ["svm", "1.5 s", "3"] in rows(text, "svm")


def test_a_large_table_is_shown_at_a_glance_and_column_by_column(text):
    heads = ["Method", "Cornell", "Isolet", "Usps", "Orl", "Dermatology", "Vehicle", "Glass"]
    assert heads in rows(text, "Method")
    glance, *parts = rows(text, "M3SVM")[:8]
    assert len(glance) == 8
    assert re.fullmatch(r"\d\d\.\d\d \([+−]?\d\.\d\d\)<br>paper 89.00", glance[1])
    assert len(parts) == 7
    assert all(re.fullmatch(r"89.00 ± 1.20", part[1]) and part[4] == "5" for part in parts)
    assert "Not run at this scale: Hhar." in text
    assert ["theirs", "90.00 (cited)", "–", "–", "–", "–", "–"] in rows(text, "theirs")


def test_a_row_with_fewer_runs_than_others_says_so(tmp_path):
    experiment, records = large()
    some = [r for r in records if (r["method"], r["data"]) != ("ovr", "usps") or r["fold"] < 2]
    sections = summarise_evidence([experiment], {"large": some})
    write_markdown(sections, draw_figures(sections), tmp_path, unrun="Not run yet: other.")
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "Not run yet: other." in text
    assert "Chosen at an end" not in text  # nothing tells what was tried
    glance = rows(text, "OVR")[0]
    assert [" (n = 2 of 5)" in cell for cell in glance] == [column == 3 for column in range(8)]


def test_choices_at_an_end_of_a_grid_are_told(tmp_path):
    experiment, records = large()
    where = {"method": "ovr", "data": "usps", "grid": {"C": [1.0, 2.0, 4.0]}}
    tried = [record("large", "full", "search", fold=fold, **where) for fold in (0, 1)]  # 1 and 2 are chosen
    sections = summarise_evidence([experiment], {"large": [*records, *tried]})
    figures = draw_figures(sections)
    write_markdown(sections, figures, tmp_path)
    write_evidence_html(sections, figures, tmp_path / "results.html")
    for name in ("results.md", "results.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert text.count("Chosen at an end of what was tried: OVR: C in 1 of 2.") == 1


def test_all_values_of_a_setting_are_told(tmp_path):
    experiment = Printed(
        name="small",
        title="One",
        paper="Nobody (2024), Nothing",
        tables=[Table(name="Table 1", title="Errors", printed={"svm": 0.1})],
        scales={"full": Scale(note="All of it.")},
    )
    records = [
        record("small", "full", "test", method="svm", seed=seed, epochs=9, C=C, error=0.1)
        for seed, C in enumerate((2.0, 1.0, 2.0))
    ]
    sections = summarise_evidence([experiment], {"small": records})
    figures = draw_figures(sections)
    write_markdown(sections, figures, tmp_path)
    write_evidence_html(sections, figures, tmp_path / "results.html")
    for name in ("results.md", "results.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "Run with: svm: epochs = 9, C = 2 or 1." in text.replace("\xa0", " ")


def test_claims_are_summed_up_by_scale(text, sections):
    full, quick, beyond = re.split(
        r"## (?:The papers' claims|Beyond).*", text.partition("## How to read")[0]
    )[1:]
    judged = [j for s in sections if s.is_full for c in s.claims for j in c.judgements]
    assert len(judged) == 56
    counts = [sum(bool(j.verdict) and j.verdict.outcome == x for j in judged) for x in ("holds", "not shown")]
    assert f"of 56 claims {counts[0]} hold, {counts[1]} are not shown and 7 are not run yet; " in full
    assert "over all data sets together, of 7 claims 7 hold." in full
    assert "not run" not in quick
    assert "Column by column, of 15 claims " in quick
    # What our own tables claim is no claim of a paper.
    assert "Column by column, the one claim is not shown." in beyond
    assert len(rows(beyond, "[drawn](#drawn-figures-of-svm)")) == 1
    # Each claim stands in one line, its data sets by what became of it.
    (line,) = rows(full, "[large](#large-eight-methods-on-eight-data-sets)")[:1]
    assert re.match(
        r"\*\*holds\*\*: all together; \*\*holds\*\*: Cornell, .*; \*\*not run\*\*: Hhar$", line[3]
    )
    assert re.match(r"mean \+\d[^;]* \[\+[^;]*\]; [+−]\d\S* to \+\d", line[4])
    # Beside each verdict stands by how much the paper's figures differ.
    assert re.search(r"\*\*holds\*\*<br>\+\d+\.\d\d \[[^]]*\]<br>n = 5<br>paper \+14\.00", text)


def test_only_five_data_sets_or_more_are_judged_together():
    experiment, records = large()
    full = [r for r in records if r["scale"] == "full"]
    table = experiment.tables[0]

    def together(columns, data):
        changed = experiment.model_copy(update={"tables": [table.model_copy(update={"columns": columns})]})
        some = [r | {"scored_on": r["data"]} for r in full if r["data"] in data]
        (section,) = summarise_evidence([changed], {"large": some})
        return [claim.together for claim in section.claims]

    found = list(dict.fromkeys(r["data"] for r in full))
    assert all(together("data", found[:5]))
    assert not any(together("data", found[:4]))
    assert not any(together("scored_on", found))


def test_the_verdict_over_all_data_sets_stands_in_the_table_of_claims(text, sections, figures, tmp_path):
    claim = rows(text, "M3SVM better than OVR")[0]
    assert re.match(r"\*\*holds\*\*<br>\+\d+\.\d\d \[[^]]*\]<br>7 data sets$", claim[1])
    write_evidence_html(sections, figures, tmp_path / "results.html")
    html = (tmp_path / "results.html").read_text(encoding="utf-8")
    assert '<th scope="col">All together</th>' in html
    assert '<span class="under">7 data sets</span>' in html


def test_the_link_of_a_claim_leads_to_its_heading(text):
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.*)", text, re.M)
    }
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert links
    assert links <= anchors


def test_quick_runs_say_so_at_each_table(text):
    quick = text[text.index("### Quick: 10 epochs of 400.") : text.index("## large")]
    assert (
        quick.count("*Quick: 10 epochs of 400.*") == quick.count("#### Table") + quick.count("#### Ours") == 2
    )
    assert "This is a reduction of the paper's protocol" in quick
    full = text[text.index("### In full") : text.index("### Quick: Two data sets.")]
    assert "uick" not in full


def test_how_it_was_run_is_told(text):
    for line in (
        "- Runs: 6 of kind test, 18 of kind sweep, 12 of kind point and 6 of kind grids",
        "- Seeds: 0, 1, 2",
        "- Time of all runs: 63.0 s",
        r"- Machine: Linux x86\_64, 2 processors",
        "- Versions: python 3.11.7 and numpy 2.4.6",
        "- Commit: 5af257a0f0",
        "- The paper's folds are not known.",
        "Not run at this scale: Table 2 and Figure 9.",
    ):
        assert line in text.splitlines()


def test_several_versions_and_commits_are_all_told(tmp_path):
    experiment, _ = drawn()
    records = [
        record("drawn", "quick", "test", method="svm", seed=0, error=0.1),
        record("drawn", "quick", "test", method="svm", seed=1, error=0.2)
        | {"commit": "f" * 40, "versions": {"python": "3.13.0"}, "device": "NVIDIA H100"},
    ]
    write_markdown(
        sections := summarise_evidence([experiment], {"drawn": records}), draw_figures(sections), tmp_path
    )
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "- Versions: python 3.11.7 or 3.13.0 and numpy 2.4.6" in text
    assert f"- Commits: 5af257a0f0, {'f' * 10}" in text
    assert "- Device: NVIDIA H100" in text


def test_the_same_records_make_the_same_files(document, sections, tmp_path):
    write_markdown(sections, draw_figures(sections), tmp_path)
    for path in sorted(document.parent.rglob("*.*")):
        assert (tmp_path / path.relative_to(document.parent)).read_bytes() == path.read_bytes()


def test_figures_are_files_with_words_for_those_who_cannot_see_them(document, text):
    embedded = re.findall(r"!\[(.*?)\]\((figures/[a-z0-9-]+\.svg)\)", text)
    assert len(embedded) == len({path for _, path in embedded}) == 19
    for words, path in embedded:
        root = ET.parse(document.parent / path).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert float(root.get("width")) > 300
        assert len(words) > 30
        assert root.find("{http://www.w3.org/2000/svg}desc").text
    assert {path.name for path in (document.parent / "figures").iterdir()} == {
        Path(path).name for _, path in embedded
    }


def test_figures_that_are_no_longer_drawn_are_removed_and_others_stay(sections, figures, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "mine.svg").write_text("<svg/>")
    write_markdown(sections, figures, tmp_path)
    assert (tmp_path / "figures" / "drawn-quick-figure-1.svg").exists()
    write_markdown([section for section in sections if section.printed.name == "large"], figures, tmp_path)
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["mine.svg"]


def test_hostile_words_are_shown_as_they_are(tmp_path):
    experiment, records = drawn(UGLY[:2])
    some = [figure for figure in experiment.figures if figure.name in ("Figure 1", "Figure 7")]
    experiment = experiment.model_copy(update={"figures": some})
    sections = summarise_evidence([experiment], {"drawn": records})
    drawings = draw_figures(sections)
    write_markdown(sections, drawings, tmp_path)
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert r"a\|b \*c\* \_d\_ \`e\` \[f\](g)" in text
    write_evidence_html(sections, drawings, tmp_path / "results.html")
    assert "<script>" not in (tmp_path / "results.html").read_text(encoding="utf-8")


def test_the_page_tells_what_the_document_does(sections, figures, text, tmp_path):
    write_evidence_html(sections, figures, tmp_path / "results.html")
    html = (tmp_path / "results.html").read_text(encoding="utf-8")
    assert html.count("<figure>") == 19
    assert html.count('class="outcome ') > 100
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)
    lead = re.search(r'<p class="lead">([^<]*)', html)[1]
    counted = re.search(r"Column by column, (of 56 claims [^.]*)", text)[1]
    assert lead == f"The papers&#39; claims, at their scale: column by column, {counted}."
    for words in (
        "2.10 [1.85 to 2.35]",
        "−2.00 [−3.57 to −0.50]",
        "Not run at this scale: Table 2 and Figure 9.",
    ):
        assert words in text
        assert words in html
    assert "prefers-color-scheme: dark" in html
    # Colours of lines follow the page; those of pictures do not.
    svgs = re.findall(r"<svg.*?</svg>", html, re.S)
    assert all(("<image" in svg) != ("var(--" in svg) for svg in svgs)


def test_the_terminal_shows_the_tables_that_were_run(sections):
    console = Console(width=160, record=True, file=io.StringIO())
    quick = next(section for section in sections if section.name == "drawn-quick")
    for part in terminal_tables(quick):
        console.print(part)
    shown = console.export_text()
    assert re.search(r"svm +2\.00 +2\.10 \[1\.85 to 2\.35\] +3 +\+0\.10 +1\.60 to 2\.60", shown)
    assert "svm better than softmax: holds (−2.00 [−3.57 to −0.50])" in shown
    assert shown.count("Quick: 10 epochs of 400.") == 2
    assert "Table 2" not in shown


def test_tangs_records_are_reported(tmp_path):
    """The recorded evidence itself: its figures can be recomputed from the lines of the file."""
    from maxmargin.reports.papers import read_results
    from maxmargin.studies.papers import load_experiment

    results = Path(__file__).parents[2] / "results"
    records = read_results(results, [path.stem for path in results.glob("*.jsonl")])["tang-mnist"]
    experiment = load_experiment("tang-mnist").model_copy(update={"figures": []})
    sections = [s for s in summarise_evidence([experiment], {"tang-mnist": records}) if s.is_full]
    write_markdown(sections, draw_figures(sections), tmp_path)
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in (results / "tang-mnist.jsonl").read_text().splitlines()]
    softmax = [
        r["error"] for r in lines if (r["scale"], r["kind"], r["method"]) == ("full", "test", "softmax")
    ]
    (row,) = rows(text, "Softmax")
    assert row[1] == "0.99"
    assert row[2].startswith(f"{100 * sum(softmax) / len(softmax):.2f} [")
    assert row[3] == str(len(softmax))
