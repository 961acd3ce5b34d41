import html
import re

import numpy as np
import pytest

from maxmargin._checks import InputError
from maxmargin.reports import summarise_tuning, tuning_verdict, write_tuning_html


def said(records):
    return [sentence.replace("\xa0", " ") for sentence in tuning_verdict(summarise_tuning(records))]


def write(records, path):
    write_tuning_html(summarise_tuning(records), path)
    return path.read_text(encoding="utf-8")


def words_of(page):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def tags_of(page):
    return re.findall(r"<(\w+)", page)


def test_the_verdict_names_the_best_and_how_sure_that_is(make_tuning):
    sentences = said(make_tuning(confusion=[[60, 2], [3, 35]]))
    assert sentences == [
        "SVM with RBF kernel does best with C = 8 and gamma = 0.125: 95.0 % right in cross-validation and "
        "95.0 % of the 100 test rows, which had no part in the choice (95 % interval 88.8 to 97.8 %).",
        "Both values lie inside the range that was tried, so there is no sign that it was too narrow.",
        "Always guessing the most frequent class would get 62.0 % of the test rows right.",
        "Hardest class, and its share recognised by it: yes (92.1 %).",
        "This rests on one random split into 300 training and 100 test rows; the accuracy in "
        "cross-validation is that of the best of 362 candidates and so a little too high. The interval is "
        "Wilson's (1927).",
    ]


def test_no_mistake_is_said_in_a_sentence(make_tuning):
    assert "It recognised every test sample." in said(make_tuning(confusion=[[62, 0], [0, 38]]))


@pytest.mark.parametrize(
    ("best", "n_stages", "words"),
    [
        ((0, 8192.0, 0.125), 1, "C = 8192 is the largest value tried, so a wider range may do better"),
        ((0, 0.5, 2.0**-15), 1, "gamma = 3.052e-05 is the smallest value tried"),
        ((0, 2.0**-7, 8.0), 1, "C = 0.007812 is the smallest and gamma = 8 is the largest value tried"),
        ((0, 8192.0, 0.125), 2, "C = 8192 is the largest value tried"),
        ((1, 2.0, 0.125), 2, None),  # the end of the second grid, but the first goes on
    ],
)
def test_a_best_cell_at_the_edge_of_all_that_was_tried_is_told(make_tuning, best, n_stages, words):
    records = make_tuning(best=best, n_stages=n_stages)
    found = [sentence for sentence in said(records) if "value tried" in sentence]
    assert found == [] if words is None else found[0].startswith(words)
    for sentence in found:
        assert "KernelSearchCV takes other values of" in sentence


def test_equal_candidates_are_counted_once_and_the_first_is_the_best(make_tuning):
    records = make_tuning()
    candidates = records[1]["candidates"]
    first = records[1]["best"]
    again = next(
        one
        for one in candidates
        if (one["C"], one["gamma"], one["stage"]) == (8.0, 0.125, 1) and one is not candidates[first]
    )
    again |= {"mean": candidates[first]["mean"], "rank": 1}
    assert not any("same accuracy" in sentence for sentence in said(records))
    candidates[first + 1] |= {"mean": candidates[first]["mean"], "rank": 1}
    assert (
        "Another candidate has the same accuracy in cross-validation; of equals the first tried is taken."
        in said(records)
    )
    ranked = summarise_tuning(records).ranked
    assert (ranked[0].C, ranked[0].gamma) == (8.0, 0.125)
    assert ranked[1].rank == 1
    assert len({(one.C, one.gamma) for one in ranked}) == len(ranked)
    assert [one.rank for one in ranked] == sorted(one.rank for one in ranked)


def test_a_tuning_that_guesses_no_better_says_so(make_tuning):
    sentences = said(make_tuning(confusion=[[60, 0], [40, 0]]))
    assert (
        "Always guessing the most frequent class would get 60.0 % of the test rows right, which is no less."
        in sentences
    )


def test_warnings_are_kept_once(make_tuning):
    records = make_tuning()
    records[1]["warnings"] = ["3 of 550 fits did not reach the estimator's tol"]
    records[1]["model"]["warnings"] = records[1]["test"]["warnings"] = ["KernelSVC stopped\n early"]
    summary = summarise_tuning(records)
    assert summary.warnings == ["3 of 550 fits did not reach the estimator's tol", "KernelSVC stopped early"]


def test_the_page_holds_every_part(make_tuning, tmp_path):
    page = write(make_tuning(("ant", "bee", "cat"), best=(1, 4.0, 0.25)), tmp_path / "report.html")
    assert re.findall(r"<h2[^>]*>([^<]+)</h2>", page) == [
        "Verdict", "Search", "Test", "Data", "How it was done", "Use the model",
    ]  # fmt: skip
    assert tags_of(page).count("figure") == 3
    assert "script" not in tags_of(page)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert not any(" " in one for one in ids)
    links = re.findall(r'\b(?:href|src)="([^"]*)"', page)
    assert all(link.startswith(("#", "data:")) for link in links)
    text = words_of(page)
    for words in (
        "Best: 95.0 % at C = 4, gamma = 0.25",
        "16 values from 2 to 26.91 of C",
        "11 values from 0.007812 to 8192 of C",
        "12.5 s on 2 threads",
        "maxmargin predict DIR/model",
        "C = 4, gamma = 0.25, strategy = ovo",
    ):
        assert words in text
    assert page.count('<tr class="best">') == 1


def test_the_ten_best_stand_in_order(make_tuning, tmp_path):
    page = write(make_tuning(), tmp_path / "report.html")
    table = page[page.index("The ten best candidates") :].partition("</table>")[0]
    ranks = [int(rank) for rank in re.findall(r"<bdi>(\d+)</bdi>", table)]
    assert len(ranks) == 10
    assert ranks == sorted(ranks)
    assert ranks[0] == 1


def test_many_classes_have_no_matrix_and_the_hardest_in_the_table(make_tuning, tmp_path):
    confusion = 3 * np.eye(40, dtype=int)
    confusion[7, 8] = 5
    records = make_tuning([f"species {k}" for k in range(40)], n_stages=1, confusion=confusion.tolist())
    page = write(records, tmp_path / "report.html")
    assert tags_of(page).count("figure") == 1
    text = words_of(page)
    assert "Shown are the 10 of 40 classes that are hardest" in text
    assert "Hardest class, and its share recognised by it: species 7 (37.5 %)" in text
    assert "Second grid none" in text


def test_a_grid_without_differences_still_has_its_figure(make_tuning, tmp_path):
    records = make_tuning(n_stages=1)
    for one in records[1]["candidates"]:
        one |= {"mean": 0.5, "rank": 1}
    records[1]["best"] = 0
    page = write(records, tmp_path / "report.html")
    assert "109 other candidates have the same accuracy" in page


def test_user_text_is_text(make_tuning, tmp_path):
    ugly = ("<script>alert(1)</script>", "\"quoted\" & 'single'", "a\x00b\nc")
    records = make_tuning(ugly, name="<b>bold</b>", notes=["<img src=x onerror=alert(3)>"])
    records[1]["warnings"] = ["<script>alert(4)</script>"]
    page = write(records, tmp_path / "report.html")
    assert not {"script", "b", "img"} & set(tags_of(page))
    text = words_of(page)
    for shown in (*ugly[:2], "a\ufffdb c", "<b>bold</b>", "<img src=x onerror=alert(3)>", "<script>alert(4)"):
        assert shown in text


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda r: r[1:], "none of the 1 records is of kind 'study'; give the records of a tuning"),
        (lambda r: r[:1], "none of the 1 records is of kind 'tuning'; finish the run first"),
        (lambda r: [{**r[0], "format": 2}, r[1]], "format 2; this version reads format 1"),
        (lambda r: [r[0], {**r[1], "test": {}}], "record 2 .* lacks 'test.accuracy'; run the tuning again"),
    ],
)
def test_damaged_records(make_tuning, damage, words):
    with pytest.raises(InputError, match=words):
        summarise_tuning(damage(make_tuning()))
