import pytest

from maxmargin.reports import summarise, verdict

STEADY = {
    "m3": [0.95, 0.96, 0.95, 0.96, 0.95],
    "knn": [0.85, 0.86, 0.84, 0.86, 0.85],
    "dummy": [0.10, 0.11, 0.10, 0.10, 0.11],
}


def said(records):
    return [sentence.replace("\xa0", " ") for sentence in verdict(summarise(records))]


def test_a_clear_winner(make_records):
    sentences = said(make_records(STEADY))
    assert sentences[0].startswith(
        "M3 SVM (m3) is the most accurate: 95.4 % of unseen samples right on average"
    )
    assert sentences[0].endswith("really more than every other method.")
    assert sentences[1].startswith("Really worse than it: knn by 10.2 points (")
    assert "p < 0.001" in sentences[1]
    assert sentences[2] == "m3 gains 85.0 points on guessing without the features (dummy, 10.4 %)."
    assert not any("told apart" in sentence for sentence in sentences)
    assert "5 random splits into 300 training and 100 test samples" in sentences[-1]


def test_no_winner(make_records):
    sentences = said(make_records({"cs": [0.90, 0.95, 0.91], "ww": [0.92, 0.91, 0.92]}))
    assert sentences[0].startswith("No winner is shown. Crammer–Singer SVM (cs) has the highest mean")
    assert sentences[1].startswith("It cannot be told apart from ww (−0.3 points, p = 0.")
    assert sentences[1].endswith("With 3 splits only large differences can show.")
    assert "cs is also the fastest of these to fit: 10 ms." in sentences
    assert not any("eally" in sentence for sentence in sentences)


def test_beating_only_the_guess_is_no_win(make_records):
    sentences = said(
        make_records({"cs": STEADY["m3"], "ww": [0.95, 0.95, 0.96, 0.95, 0.95], "dummy": STEADY["dummy"]})
    )
    assert sentences[0].startswith("No winner is shown. Crammer–Singer SVM (cs)")
    assert sentences[2].startswith("Really worse than it: dummy by")


def test_rivals_and_worse_ones(make_records):
    records = make_records({"knn": STEADY["knn"], "cs": [0.95, 0.95, 0.96, 0.95, 0.95], **STEADY})
    sentences = said(records)
    assert sentences[0].startswith("M3 SVM (m3) has the highest mean accuracy: 95.4 %")
    assert sentences[1].startswith("It cannot be told apart from cs (")
    assert sentences[2].startswith("Really worse than it: knn by")
    assert not any("fastest" in sentence for sentence in sentences)  # 20 ms against 30 ms is noise
    for record in records:
        if record["kind"] == "test" and record["method"] == "cs":
            record["fit_seconds"] = 0.001
    assert "Within a point of it, cs is the fastest to fit: 1.0 ms against 30 ms for m3." in said(records)


def test_no_winner_where_guessing_may_be_as_good(make_records):
    scores = {
        "m3": [0.9, 0.6, 0.9, 0.6, 0.9],
        "dummy": [0.7, 0.6, 0.8, 0.6, 0.7],
        "knn": [0.1, 0.1, 0.1, 0.1, 0.1],
    }
    sentences = said(make_records(scores))
    assert sentences[0].startswith("No winner is shown.")
    assert any(sentence.startswith("m3 is not shown to be better than guessing") for sentence in sentences)


def test_the_best_linear_method_is_named_where_another_wins(make_records):
    scores = {
        "rbf-svc": [0.99, 0.98, 0.99, 0.99, 0.98],
        "m3": STEADY["m3"],
        "cs": [0.95, 0.95, 0.96, 0.95, 0.95],
        "ovr": STEADY["knn"],
    }
    expected = (
        "Of the linear margin methods, m3 has the highest mean (95.4 %); really better than ovr; "
        "it cannot be told apart from cs."
    )
    assert expected in said(make_records(scores))
    one_split = said(make_records({method: values[:1] for method, values in scores.items()}))
    assert "Of the linear margin methods, m3 has the highest mean (95.0 %)." in one_split
    del scores["rbf-svc"]
    assert not any("linear" in sentence for sentence in said(make_records(scores)))


def test_one_split_claims_nothing(make_records):
    sentences = said(make_records({"m3": [0.95], "knn": [0.2]}))
    assert "one split: there is no interval and no test" in sentences[0]
    assert not any("eally" in s or "told apart" in s or "t-test" in s for s in sentences)


def test_guessing_that_is_not_beaten(make_records):
    best = said(make_records({"m3": [0.50, 0.51, 0.50], "dummy": [0.52, 0.52, 0.52]}))
    assert any(s.startswith("No method beats guessing without the features") for s in best)
    level = said(make_records({"m3": [0.50, 0.60, 0.50], "dummy": [0.52, 0.52, 0.52]}))
    assert "m3 is not shown to be better than guessing without the features (dummy, 52.0 %)." in level


def test_hardest_classes_are_those_of_the_best(make_records):
    records = make_records({"m3": [0.9, 0.9], "knn": [0.5, 0.5]}, classes=("ant", "bee", "x" * 200))
    for record in records[1:3]:
        record["confusion"] = [[34, 0, 0], [3, 30, 0], [10, 0, 23]]
    assert (
        f"Hardest classes, and their share recognised by m3: {'x' * 39}… (69.7 %) and bee (90.9 %)."
        in said(records)
    )
    for record in records[1:3]:
        record["confusion"] = [[34, 0, 0], [0, 33, 0], [0, 0, 33]]
    assert "m3 recognised every test sample." in said(records)


def test_edges_of_the_grid_and_fits_that_stopped_early(make_records):
    records = make_records({"m3": [0.9, 0.9, 0.8]})
    records[1]["params"] = records[2]["params"] = {"C": 10.0}
    records[1]["converged"] = False
    sentences = said(records)
    edge = "m3 (C = 10, the largest tried, in 2 of 3 splits)"
    assert f"Chosen at the edge of the grid: {edge}. A wider grid may do better there." in sentences
    assert any(s.startswith("Stopped before convergence: 1 of 3 fits of m3.") for s in sentences)


def test_failures_and_killed_runs_are_named(make_records):
    records = make_records({"m3": [0.9, 0.9], "knn": [0.8, 0.8], "cs": [0.7, 0.7]})
    failure = {"kind": "failure", "method": "knn", "split": 1, "error": "MemoryError: 3 GB."}
    sentences = said([*records[:4], records[5], failure])
    assert "knn failed on split 2: MemoryError: 3 GB. It is not ranked." in sentences
    assert "Not finished and so not ranked: cs (1 of 2 splits done)." in sentences
    twice = [{**failure, "split": 0}, failure]
    assert any(s.startswith("knn failed on splits 1 and 2: Memory") for s in said([*records[:3], *twice]))
    model_failed = {"kind": "failure", "method": "m3", "error": "disk full"}
    assert "m3 failed: disk full." in said([*records, model_failed])


@pytest.mark.parametrize(("repeats", "words"), [(1, "its one split"), (4, "all 4 splits")])
def test_nothing_finished(make_records, repeats, words):
    sentences = said(make_records({"m3": [0.9] * repeats})[:1])
    assert sentences[0] == f"No method has finished {words}, so there is nothing to compare."
    assert sentences[1] == f"Not finished and so not ranked: m3 (0 of {repeats} splits done)."


def test_a_single_method(make_records):
    (headline, *_) = said(make_records({"m3": [0.9, 0.8]}))
    assert headline.endswith("no other method has finished to compare it with.")
