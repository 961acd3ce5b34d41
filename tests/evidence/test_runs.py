"""A table shows the runs with the settings that validation rows choose, and no other ones."""

import json
from itertools import product
from pathlib import Path

import pytest

from maxmargin.evidence import shown_runs
from maxmargin.evidence.runs import choices_at_ends, settings_of

RESULTS = Path(__file__).parents[2] / "results"
TEST = {"kind": "test"}


def run(kind, C, error, method="svm", seed=0, **more):
    """A record in the order in which they are written: its place, seconds, what was measured."""
    place = {"kind": kind, "method": method, "seed": seed, **more, "C": C}
    return {"experiment": "e", "scale": "quick", "commit": "c", **place, "seconds": 1.0, "error": error}


def shown(runs, apart=("method",), where=TEST):
    return [(r["method"], r["seed"], r["C"]) for r in shown_runs(runs, where, apart)]


def test_a_choice_made_anew_hides_the_tests_of_the_earlier_one():
    before = [run("selection", 1, 0.3), run("test", 1, 0.2), run("test", 1, 0.2, seed=1)]
    after = [run("selection", 2, 0.25), run("test", 2, 0.5), run("test", 2, 0.5, seed=1)]
    assert shown(before) == [("svm", 0, 1), ("svm", 1, 1)]
    assert shown(before + after) == [("svm", 0, 2), ("svm", 1, 2)]
    # The test rows have no say: however good the earlier choice is on them.
    assert shown([r | {"error": 1 - r["error"]} if r["kind"] == "test" else r for r in before + after]) == [
        ("svm", 0, 2),
        ("svm", 1, 2),
    ]
    # One repetition of the new choice is not filled up with those of the earlier one.
    assert shown(before + after[:2]) == [("svm", 0, 2)]
    # Until the new choice is tested, the earlier one is what there is.
    assert shown(before + after[:1]) == [("svm", 0, 1), ("svm", 1, 1)]
    # A grid that was narrowed again still holds the wider one's choice.
    assert shown([before[0], *after, *before[1:]]) == [("svm", 0, 2), ("svm", 1, 2)]


def test_each_row_has_its_own_choice():
    runs = [
        *(run("selection", C, abs(C - best), m) for (m, best), C in product((("a", 1), ("b", 2)), (1, 2))),
        *(run("test", C, 0.1, m) for m, C in product("ab", (1, 2))),
    ]
    assert shown(runs) == [("a", 0, 1), ("b", 0, 2)]


def test_each_fold_has_its_own_choice_where_it_was_made_for_each():
    runs = [
        *(run("selection", C, abs(C - best), fold=f) for (f, best), C in product(((0, 1), (1, 2)), (1, 2))),
        *(run("test", C, 0.1, fold=f) for f, C in product((0, 1), (1, 2))),
    ]
    assert [(r["fold"], r["C"]) for r in shown_runs(runs, TEST, ["method"])] == [(0, 1), (1, 2)]


def test_a_choice_over_several_seeds_goes_by_their_mean_for_tests_without_one():
    tried = [
        run("selection", C, e, seed=s) for s, C, e in ((0, 1, 0.1), (1, 1, 0.5), (0, 2, 0.2), (1, 2, 0.2))
    ]
    tests = [{k: v for k, v in run("test", C, 0.3).items() if k != "seed"} for C in (2, 1)]
    assert [r["C"] for r in shown_runs(tried + tests, TEST, ["method"])] == [2]


def test_among_equals_the_last_tested_is_shown():
    tried = [run("selection", C, 0.2) for C in (1, 2, 3)]
    assert shown([*tried, run("test", 1, 0.1)]) == [("svm", 0, 1)]
    assert shown([*tried, run("test", 1, 0.1), run("test", 2, 0.1)]) == [("svm", 0, 2)]


def test_a_choice_by_accuracy_takes_the_highest():
    def accurate(r):
        return {("accuracy" if k == "error" else k): v for k, v in r.items()}

    runs = [run("selection", 1, 0.9), run("selection", 2, 0.8), run("test", 1, 0.5), run("test", 2, 0.6)]
    assert shown([accurate(r) for r in runs]) == [("svm", 0, 1)]


def test_what_differs_between_all_choices_and_all_tests_is_no_setting_of_the_choice():
    runs = [
        run("selection", 1, 0.1, epochs=2), run("selection", 2, 0.2, epochs=2),
        run("test", 1, 0.3, epochs=9), run("test", 2, 0.3, epochs=9),
    ]  # fmt: skip
    assert shown(runs) == [("svm", 0, 1)]


def test_rows_without_a_choice_are_shown_whole():
    tests = [run("test", C, 0.1, "knn") for C in (1, 2)]
    other = [run("selection", 1, 0.1), run("test", 1, 0.1)]
    assert shown(tests) == shown(tests + other)[:2] == [("knn", 0, 1), ("knn", 0, 2)]
    assert shown(other, where={"kind": "selection"}) == [("svm", 0, 1)]


def test_settings_are_what_stands_before_the_seconds():
    record = run("test", 2.0, 0.1) | {"n_test": 100, "curve": {}}
    assert settings_of(record, ["method"]) == {"C": 2.0}
    assert settings_of(record) == {"method": "svm", "C": 2.0}


def test_the_records_of_tangs_experiment():
    runs = [json.loads(line) for line in (RESULTS / "tang-mnist.jsonl").read_text().splitlines()]
    runs = [r for r in runs if r["scale"] == "full"]
    tests = [r for r in runs if r["kind"] == "test" and r["method"] == "dlsvm-l2"]
    if len({r["C"] for r in tests}) == 1:
        pytest.skip("one choice alone is recorded")
    tried = [r for r in runs if r["kind"] == "selection" and r["method"] == "dlsvm-l2"]
    best = min(tried, key=lambda r: r["error"])
    kept = [r for r in shown_runs(runs, TEST, ["method"]) if r["method"] == "dlsvm-l2"]
    assert kept == [r for r in tests if (r["C"], r["momentum"]) == (best["C"], best["momentum"])]
    assert 2 <= len(kept) < len(tests)


def search(method, fold, **grid):
    return {"kind": "search", "method": method, "fold": fold, "seconds": 1.0, "grid": grid}


def choice(method, fold, **settings):
    return {"kind": "test", "method": method, "fold": fold, **settings, "seconds": 1.0, "accuracy": 0.5}


def test_choices_at_an_end_are_counted_fold_by_fold():
    runs = [search("svm", fold, C=[10.0**fold, 10.0 ** (fold + 1), 10.0 ** (fold + 2)]) for fold in range(3)]
    runs += [search("other", fold, C=[1e-9, 1.0, 1e9]) for fold in range(3)]
    tests = [choice("svm", 0, C=1.0), choice("svm", 1, C=100.0), choice("svm", 2, C=1e4)]
    assert choices_at_ends(runs, tests, ["method"]) == {"C": (2, 3)}
    assert choices_at_ends(runs, [choice("svm", 0, C=10.0)], ["method"]) == {"C": (0, 1)}
    # A wider grid moves the ends.
    assert choices_at_ends([*runs, search("svm", 2, C=[1e4, 1e5])], tests, ["method"]) == {"C": (1, 3)}


def test_what_was_not_chosen_lies_at_no_end():
    tried = [search("svm", 0, C=[1.0, 2.0, 4.0], k=[2, 3])]
    assert choices_at_ends(tried, [choice("svm", 0, C=4.0, fixed=True)], ["method"]) == {}
    assert choices_at_ends(tried, [choice("svm", 0, C=4.0, k=3)], ["method"]) == {"C": (1, 1)}
    assert choices_at_ends([], [choice("svm", 0, C=4.0)], ["method"]) == {}


def test_a_choice_of_one_seed_is_that_of_all():
    tried = [
        {"kind": "selection", "method": "net", "seed": 0, "lr": lr, "seconds": 1.0, "error": lr}
        for lr in (0.1, 0.2, 0.4)
    ]
    tests = [
        {"kind": "test", "method": "net", "seed": seed, "lr": 0.1, "seconds": 1.0, "error": 0.1}
        for seed in range(4)
    ]
    assert choices_at_ends(tried, tests, ["method"]) == {"lr": (4, 4)}
