"""Whether an order that a paper claims holds in our records, by one rule."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from maxmargin.evidence.estimates import Estimate, difference, mean_difference


class Verdict(NamedTuple):
    """What was decided, and the difference, claimed better minus claimed worse, that decided it."""

    outcome: Literal["holds", "not shown", "contradicted"]
    difference: Estimate


def judge(
    claimed: Sequence[Mapping[str, Any]],
    beaten: Sequence[Mapping[str, Any]],
    measure: str,
    better: Literal["lower", "higher"],
    *,
    is_share: bool = True,
) -> Verdict:
    """Judge the claim that one row of a table is better than another.

    It *holds* where the 95 % interval of the difference lies on the claimed side of zero, is *contradicted*
    where it lies on the other side, and is *not shown* where it covers zero or there is no interval.

    Parameters
    ----------
    claimed, beaten : sequence of mapping
        Records of the row that is claimed to be better, and of the other one.
    measure : str
        Entry that they are judged by.
    better : {"lower", "higher"}
        Which value of it is better.
    is_share : bool, default=True
        Whether it may be a share of test rows, so that single runs have an interval.

    Examples
    --------
    >>> ours = [{"seed": s, "error": e} for s, e in enumerate((0.010, 0.012, 0.011))]
    >>> theirs = [{"seed": s, "error": e} for s, e in enumerate((0.015, 0.018, 0.016))]
    >>> judge(ours, theirs, "error", "lower").outcome, judge(theirs, ours, "error", "lower").outcome
    ('holds', 'contradicted')
    >>> judge(ours[:1], theirs[:1], "error", "lower").outcome
    'not shown'
    """
    return _decided(difference(claimed, beaten, measure, is_share=is_share), better)


def judge_together(verdicts: Sequence[Verdict], better: Literal["lower", "higher"]) -> Verdict:
    """Judge a claim over several data sets, by the mean of its differences and the same rule.

    Parameters
    ----------
    verdicts : sequence of Verdict
        Of each data set, at least two.
    better : {"lower", "higher"}
        Which value is better.

    Examples
    --------
    >>> apart = [Verdict("not shown", Estimate(gap, -0.1, 0.1, 5)) for gap in (0.010, 0.012, 0.011)]
    >>> judge_together(apart, "higher").outcome
    'holds'
    """
    return _decided(mean_difference([one.difference for one in verdicts]), better)


def _decided(gap: Estimate, better: Literal["lower", "higher"]) -> Verdict:
    if np.isnan(gap.low) or gap.low <= 0 <= gap.high:
        return Verdict("not shown", gap)
    return Verdict("holds" if (gap.high < 0) == (better == "lower") else "contradicted", gap)
