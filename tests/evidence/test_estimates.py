"""Means, intervals, differences and verdicts, against scipy and by their rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from maxmargin._checks import InputError
from maxmargin.evidence import Estimate, Verdict, difference, estimate, judge, judge_together
from maxmargin.metrics import wilson_interval

N_TEST = 1000


def runs(errors, **entries):
    return [{"seed": seed, "error": error, "n_test": N_TEST} | entries for seed, error in enumerate(errors)]


def folds(errors, n_train=800, n_test=200):
    return [
        {"fold": fold, "error": error, "n_train": n_train, "n_test": n_test}
        for fold, error in enumerate(errors)
    ]


def counted(least=2, most=8):
    """Errors of several runs, whole numbers of test rows."""
    return st.lists(st.integers(0, N_TEST).map(lambda k: k / N_TEST), min_size=least, max_size=most)


@settings(deadline=None)
@given(counted())
def test_the_interval_of_seeds_is_students(errors):
    found = estimate(runs(errors), "error")
    assert found.n == len(errors)
    assert found.mean == pytest.approx(np.mean(errors))
    if np.ptp(errors) > 0:
        low, high = stats.ttest_1samp(errors, 0).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
        assert found.std == pytest.approx(np.std(errors, ddof=1))
        assert found.next_high - found.mean == pytest.approx((high - found.mean) * (len(errors) + 1) ** 0.5)


def test_one_further_run_falls_where_it_is_told(rng):
    inside = 0
    for values in rng.normal(0.1, 0.01, (2000, 5)):
        found = estimate(runs(values[:4]), "error")
        inside += found.next_low <= values[4] <= found.next_high
    assert 0.93 < inside / 2000 < 0.97


def test_folds_widen_the_interval_by_the_rows_they_share():
    errors = [0.1, 0.12, 0.11, 0.14, 0.09]
    plain, corrected = estimate(runs(errors), "error"), estimate(folds(errors), "error")
    assert corrected.high - corrected.mean == pytest.approx(
        (plain.high - plain.mean) * ((1 / 5 + 200 / 800) / (1 / 5)) ** 0.5
    )
    assert corrected.std == plain.std
    assert corrected.next_high == pytest.approx(plain.next_high)


def test_one_run_has_the_interval_of_its_rows():
    found = estimate(runs([0.05]), "error")
    expected = stats.binomtest(50, N_TEST).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.n == 1
    assert np.isnan([found.std, found.next_low, found.next_high]).all()


def test_runs_that_agree_say_no_more_than_one():
    one, three = estimate(runs([0.05]), "error"), estimate(runs([0.05] * 3), "error")
    assert (three.low, three.high, three.n) == (one.low, one.high, 3)
    gap = difference(runs([0.3, 0.8]), runs([0.2, 0.7]), "error")
    # The two subtractions differ in their last bit, which is no spread.
    assert 0.3 - 0.2 != 0.8 - 0.7
    assert gap.high - gap.low > 0.05
    assert gap.n == 2


@pytest.mark.parametrize("errors", [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.056, 0.1), (0.001, 0.0)])
def test_the_difference_of_two_shares_is_newcombes(errors):
    one, other = errors
    found = difference(runs([one]), runs([other]), "error")
    # Method 10 of Newcombe (1998), written as he prints it.
    z = stats.norm.ppf(0.975)
    limits = []
    for share in errors:
        count = share * N_TEST
        root = z * np.sqrt(z**2 + 4 * count * (1 - share))
        limits.append(
            (
                (2 * count + z**2 - root) / (2 * (N_TEST + z**2)),
                (2 * count + z**2 + root) / (2 * (N_TEST + z**2)),
            )
        )
    (l1, u1), (l2, u2) = limits
    assert found.mean == pytest.approx(one - other)
    assert found.low == pytest.approx(one - other - np.sqrt((one - l1) ** 2 + (u2 - other) ** 2))
    assert found.high == pytest.approx(one - other + np.sqrt((u1 - one) ** 2 + (other - l2) ** 2))
    assert -1 <= found.low <= found.high <= 1


@settings(deadline=None)
@given(counted(), counted())
def test_differences_are_of_the_same_seed(ours, theirs):
    found = difference(runs(ours), runs(theirs)[::-1], "error")
    shared = min(len(ours), len(theirs))
    gaps = np.subtract(ours[:shared], theirs[:shared])
    assert found.n == shared
    assert found.mean == pytest.approx(gaps.mean())
    if np.ptp(gaps) > 1e-9:
        expected = stats.ttest_rel(ours[:shared], theirs[:shared]).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@settings(deadline=None)
@given(counted(1), counted(1), st.sampled_from(["lower", "higher"]))
def test_the_verdict_is_where_the_interval_lies(ours, theirs, better):
    outcome, gap = judge(runs(ours), runs(theirs), "error", better)
    claimed = gap.high < 0 if better == "lower" else gap.low > 0
    against = gap.low > 0 if better == "lower" else gap.high < 0
    assert outcome == ("holds" if claimed else "contradicted" if against else "not shown")
    reverse = judge(runs(theirs), runs(ours), "error", better).outcome
    assert reverse == {"holds": "contradicted", "contradicted": "holds"}.get(outcome, outcome)
    other = judge(runs(ours), runs(theirs), "error", {"lower": "higher", "higher": "lower"}[better]).outcome
    assert other == reverse


def test_a_single_run_can_show_a_large_difference_and_no_small_one():
    assert judge(runs([0.05]), runs([0.15]), "error", "lower").outcome == "holds"
    assert judge(runs([0.05]), runs([0.055]), "error", "lower").outcome == "not shown"


def test_what_is_no_share_of_rows_has_no_interval_from_one_run():
    for entries in ({"ratio": 0.5}, {"error": 3.2}, {"error": 0.12345}, {"error": 0.5, "n_test": None}):
        record = {"seed": 0, "n_test": N_TEST} | entries
        (measure,) = entries.keys() - {"n_test"}
        found = estimate([record], measure, is_share=measure == "error")
        assert np.isnan([found.low, found.high]).all()
        verdict = judge([record], [record | {measure: 0.0}], measure, "lower", is_share=measure == "error")
        assert verdict.outcome == "not shown"
        assert verdict.difference.mean == record[measure]
    rounded = {"seed": 0, "error": 0.333333, "n_test": 3}
    assert estimate([rounded], "error").high == pytest.approx(0.7923, abs=1e-4)


def test_folds_that_agree_have_the_interval_of_all_their_rows():
    found, one = estimate(folds([0.1] * 5), "error"), estimate(folds([0.1]), "error")
    low, high = wilson_interval(100, 1000)
    assert (found.low, found.high, found.n) == (low, high, 5)
    assert (one.low, one.high) == wilson_interval(20, 200)
    seeds = estimate(runs([0.1] * 5), "error")
    assert (seeds.low, seeds.high) == wilson_interval(round(0.1 * N_TEST), N_TEST)
    gap = judge(folds([0.1] * 5), folds([0.12] * 5), "error", "lower").difference
    assert gap.high - gap.low < 0.6 * np.diff(np.array([one.low, one.high])) * 2**0.5


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_data_sets_together_are_judged_by_students_interval_of_their_differences(better, rng):
    gaps = rng.normal(0.01, 0.01, size=7)
    apart = [Verdict("not shown", Estimate(gap, gap - 0.1, gap + 0.1, 5)) for gap in gaps]
    outcome, found = judge_together(apart, better)
    low, high = stats.ttest_1samp(gaps, 0).confidence_interval(0.95)
    assert (found.low, found.high, found.n) == (pytest.approx(low), pytest.approx(high), 7)
    assert outcome == ("not shown" if low <= 0 <= high else "holds" if better == "higher" else "contradicted")
    same = judge_together(apart[:1] * 3, better)
    assert same.outcome == "not shown"
    assert np.isnan(same.difference.low)


def test_two_records_of_one_run_are_told_by_what_sets_them_apart():
    one = {"kind": "test", "method": "svm", "seed": 3, "lr": 0.1, "seconds": 1.0, "error": 0.1}
    with pytest.raises(
        InputError, match=r"\(method svm, seed 3\); they differ by lr 0.1 and 0.5: remove the"
    ):
        estimate([one, one | {"lr": 0.5}], "error")


def test_records_that_are_no_repetitions_are_refused():
    with pytest.raises(InputError, match="no record of this row"):
        estimate([], "error")
    with pytest.raises(InputError, match="two records of a row have the same seed and fold"):
        estimate(runs([0.1]) * 2, "error")
    with pytest.raises(InputError, match="no seed or fold in common"):
        difference(runs([0.1]), [{"seed": 7, "error": 0.1}], "error")
    with pytest.raises(InputError, match=r"error is 'small' in a record \(seed 0\); it must be a number"):
        estimate(runs(["small"]), "error")
    with pytest.raises(InputError, match="n_train is None"):
        estimate([{"fold": k, "error": 0.1 * k, "n_test": 10} for k in range(2)], "error")
