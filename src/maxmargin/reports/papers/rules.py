"""How the tables and verdicts are to be read, in sentences."""

from maxmargin.evidence import Table

RULES = (
    "Ours: the mean over n runs, which differ by seed or by fold, and its 95 % interval. Between seeds it is "
    "Student's, and tells how sure the training is on one set of test rows; between folds, which share "
    "training rows, it is widened as Nadeau and Bengio (2003) say. One run, or runs that agree to the last "
    "digit, have the interval of their test rows (Wilson); a dash stands where there is none. Intervals end "
    "where what they tell of ends: at 0, and at 100 %.",
    "A further run: where one more run of the same protocol, with another seed or of another fold, falls in "
    "95 of 100 cases.",
    "A claim holds where the 95 % interval of the difference, claimed better minus claimed worse on the same "
    "seeds and folds, lies on the claimed side of zero; it is contradicted where it lies on the other side, "
    "and not shown where it covers zero. Each is judged on its own, without regard to how many there are. "
    "Single runs are compared by Newcombe's interval (1998), which takes their test rows for independent. A "
    "row that hangs on no seed is run once, and compared with every run of the other.",
    "All together, where five or more data sets were run: the mean difference over them, each counted the "
    "same, and its Student's interval, which says what to expect of further data sets like these.",
    "Differences of percentages are in points. Settings that a paper leaves open are chosen on validation "
    "rows, never on test rows; where a wider or finer grid chose anew, the tests of the earlier choice "
    "stay among the records and out of the tables.",
    "Cited figures are those that the paper takes from other ones; they are not rerun.",
)
"""For whoever reads the tables."""

CAPTIONS = {
    "curves": "Lines: means over the runs; bands: from the least to the largest.",
    "sweep": "Dots: means; bars: their 95 % intervals, cut off where they leave the axes.",
    "heatmap": "The darker, the better; the worse half has the lightest colour. Orange frame: the best.",
    "scatter": "Of the first run.",
    "confusion": "Counts added over the runs. Blue: right; the stronger the orange, the larger the share of "
    "the true class that was mistaken.",
    "images": "Of the first run.",
}
"""How a figure of each kind is to be read."""


def table_heading(table: Table) -> str:
    """What stands above a table.

    Examples
    --------
    >>> table_heading(Table(name="Heads", title="Other losses", ours=True))
    'Heads. Beyond the paper: other losses'
    """
    if not table.ours or table.name.startswith("Beyond"):
        return f"{table.name}. {table.title}"
    return f"{table.name}. Beyond the paper: {table.title[:1].lower()}{table.title[1:]}"


def scale_heading(is_full: bool, note: str) -> str:
    """How much of the protocol was run.

    Examples
    --------
    >>> scale_heading(False, "10 epochs of the paper's 400.")
    "Quick: 10 epochs of the paper's 400."
    """
    return f"{'In full' if is_full else 'Quick'}: {note}"
