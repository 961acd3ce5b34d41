import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from maxmargin._checks import InputError
from maxmargin.metrics import compare_methods, corrected_resampled_ttest, holm, resampled_interval

DIFFERENCES = [0.02, -0.01, 0.04, 0.03, 0.01]


def test_statistic_is_the_formula_of_the_paper():
    # By hand: mean 0.018, squared deviations 4 + 784 + 484 + 144 + 64 (in 1e-6), variance 1480e-6 / 4,
    # 1/5 + 100/400 = 0.45, t = 0.018 / sqrt(0.45 * 3.7e-4).
    test = corrected_resampled_ttest(DIFFERENCES, n_train=400, n_test=100)
    assert test.mean == pytest.approx(0.018)
    assert test.statistic == pytest.approx(0.018 / math.sqrt(1.665e-4))
    assert test.statistic == pytest.approx(1.39498, abs=1e-5)
    # 2.776445 is the tabulated two-sided 5 % point of t with 4 degrees of freedom.
    half = 2.776445 * math.sqrt(1.665e-4)
    assert test.interval == pytest.approx((0.018 - half, 0.018 + half), abs=1e-7)
    assert test.p_value == pytest.approx(2 * stats.t(4).sf(1.39498), abs=1e-5)


def test_without_the_correction_it_is_the_usual_t_test():
    ours = corrected_resampled_ttest(DIFFERENCES, n_train=10**18, n_test=1000)
    theirs = stats.ttest_1samp(DIFFERENCES, 0.0)
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-10)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-10)
    interval = theirs.confidence_interval(0.95)
    assert ours.interval == pytest.approx((interval.low, interval.high), rel=1e-10)


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=20), st.integers(10, 1000), st.integers(1, 1000))
def test_p_value_and_interval_agree_on_zero(counts, n_train, n_test):
    test = corrected_resampled_ttest(np.array(counts) / 100, n_train, n_test)
    low, high = test.interval
    if abs(test.p_value - 0.05) > 1e-9:
        assert (test.p_value < 0.05) == (not low <= 0 <= high)


def test_equal_differences_spread_no_less_than_their_rounding():
    nothing = corrected_resampled_ttest([0.0, 0.0, 0.0], 300, 100)
    assert (nothing.p_value, nothing.statistic) == (1.0, 0.0)
    assert nothing.interval[0] < 0 < nothing.interval[1]
    # By hand: variance 1 / (12 * 100^2), 1/2 + 100/300 = 5/6, one degree of freedom: p = 1 - 2 atan(t) / pi.
    one_row = corrected_resampled_ttest([-0.01, -0.01], 300, 100)
    t = 0.01 / math.sqrt(5 / 6 / 120000)
    assert one_row.statistic == pytest.approx(-t)
    assert one_row.p_value == pytest.approx(1 - 2 * math.atan(t) / math.pi)
    assert one_row.p_value > 0.05
    assert corrected_resampled_ttest([-0.9] * 5, 300, 100).p_value < 1e-6


def test_one_split_gives_a_mean_and_nothing_more():
    test = corrected_resampled_ttest([0.1], 300, 100)
    assert test.mean == 0.1
    assert all(math.isnan(x) for x in (test.statistic, test.p_value, *test.interval))
    assert all(math.isnan(x) for x in resampled_interval([0.9], 300, 100))


def test_interval_of_the_mean():
    low, high = resampled_interval([0.90, 0.92, 0.91, 0.93], n_train=300, n_test=100, level=0.9)
    # Variance 5/3 e-4, 1/4 + 1/3 = 7/12; 2.353363 is the tabulated 10 % point for 3 degrees of freedom.
    half = 2.353363 * math.sqrt(7 / 12 * 5 / 3 * 1e-4)
    assert (low, high) == pytest.approx((0.915 - half, 0.915 + half), abs=1e-7)


def test_interval_stays_within_zero_and_one():
    assert resampled_interval([0.0, 1.0], 300, 100) == (0.0, 1.0)


def test_holm_against_a_worked_example():
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, made monotone.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]).shape == (0,)


def test_comparison_ranks_tests_and_adjusts():
    accuracies = {
        "far": [0.70, 0.72, 0.71, 0.69, 0.70],
        "good": [0.90, 0.91, 0.92, 0.90, 0.93],
        "near": [0.90, 0.92, 0.90, 0.91, 0.91],
    }
    comparison = compare_methods(accuracies, 300, 100)
    assert comparison.best == "good"
    assert [row.method for row in comparison.rows] == ["good", "near", "far"]
    good, near, far = comparison.rows
    p_near = corrected_resampled_ttest(np.subtract(accuracies["near"], accuracies["good"]), 300, 100).p_value
    assert near.p_value == p_near
    assert near.p_holm == p_near  # the larger of two p-values is multiplied by one
    assert far.p_holm == pytest.approx(2 * far.p_value)
    assert (near.real, far.real, good.real) == (False, True, False)
    assert good.difference == 0.0
    assert math.isnan(good.p_value)
    assert far.difference == pytest.approx(0.704 - 0.912)
    assert far.difference_low < far.difference < far.difference_high < 0
    assert far.std == pytest.approx(np.std(accuracies["far"], ddof=1))
    assert far.low < far.mean < far.high


def test_tied_means_keep_the_order_of_the_mapping():
    scores = [0.8, 0.9]
    assert [r.method for r in compare_methods({"b": scores, "a": scores}, 30, 10).rows] == ["b", "a"]
    assert [r.method for r in compare_methods({"a": scores, "b": scores}, 30, 10).rows] == ["a", "b"]


def test_the_order_of_the_splits_does_not_break_a_tie():
    scores = [0.1, 0.2, 0.3, 0.7]
    for permuted in ([0.7, 0.3, 0.2, 0.1], [0.3, 0.7, 0.1, 0.2]):
        assert compare_methods({"first": scores, "second": permuted}, 30, 10).best == "first"
        assert compare_methods({"first": permuted, "second": scores}, 30, 10).best == "first"


def test_comparison_from_one_split_calls_nothing_real():
    rows = compare_methods({"a": [0.99], "b": [0.10], "c": [0.5]}, 30, 10).rows
    assert [row.difference for row in rows] == pytest.approx([0, -0.49, -0.89])
    assert not any(row.real for row in rows)
    assert all(math.isnan(row.p_holm) and math.isnan(row.std) and math.isnan(row.low) for row in rows)


def test_a_single_method_compares_with_nothing():
    comparison = compare_methods({"only": [0.5, 0.6]}, 30, 10)
    assert (comparison.best, len(comparison.rows), comparison.rows[0].real) == ("only", 1, False)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: compare_methods({}, 30, 10), "no method"),
        (lambda: compare_methods({"a": [0.1], "b": [0.1, 0.2]}, 30, 10), "different numbers of splits"),
        (lambda: compare_methods({"a": [0.1, math.nan]}, 30, 10), "'a' contains nan for split 1"),
        (lambda: corrected_resampled_ttest([], 30, 10), r"shape \(0,\)"),
        (lambda: corrected_resampled_ttest([0.1, 0.2], 0, 10), "n_train is 0"),
        (lambda: resampled_interval([0.1, 0.2], 30, 10, level=95), "level is 95"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(call, words):
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
