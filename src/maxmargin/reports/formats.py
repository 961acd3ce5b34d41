"""Numbers and names as people read them, the same in the terminal and on the page."""

import math
import re
from collections.abc import Sequence

NONE = "–"
"""What stands where there is no number."""

# What XML, and so a figure, cannot hold (control characters, surrogates, noncharacters), and what
# would turn the direction of the text that follows.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)


def percent(share: float) -> str:
    r"""Write a share in [0, 1] as percent.

    Examples
    --------
    >>> percent(0.9713).replace("\xa0", " "), percent(float("nan"))
    ('97.1 %', '–')
    """
    return NONE if math.isnan(share) else f"{100 * share:.1f}\xa0%"


def points(difference: float) -> str:
    """Write a difference of shares in percentage points, with a true minus sign and no negative zero.

    Examples
    --------
    >>> points(-0.0213), points(-0.0001)
    ('−2.1', '0.0')
    """
    return NONE if math.isnan(difference) else f"{round(100 * difference, 1) + 0.0:.1f}".replace("-", "−")


def p_value(p: float) -> str:
    """Write a p-value.

    Examples
    --------
    >>> p_value(0.0001), p_value(0.0312), p_value(0.4567)
    ('<0.001', '0.031', '0.46')
    """
    if math.isnan(p):
        return NONE
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def duration(seconds: float) -> str:
    r"""Write a time in the unit that suits it.

    Examples
    --------
    >>> [duration(s).replace("\xa0", " ") for s in (0.000042, 0.00042, 0.012, 3.21, 250, 9000)]
    ['42 µs', '0.4 ms', '12 ms', '3.2 s', '4.2 min', '2.5 h']
    """
    if seconds < 0.0001:
        return f"{1e6 * seconds:.0f}\xa0µs"
    if seconds < 0.00995:
        return f"{1000 * seconds:.1f}\xa0ms"
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f}\xa0ms"
    if seconds < 99.95:
        return f"{seconds:.1f}\xa0s"
    return f"{seconds / 60:.1f}\xa0min" if seconds < 5997 else f"{seconds / 3600:.1f}\xa0h"


def listing(words: Sequence[str]) -> str:
    """Join words as in a sentence.

    Examples
    --------
    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def plain(text: object) -> str:
    r"""Text on one line, without characters that no page can show.

    Examples
    --------
    >>> plain("a\x00b\n c")
    'a�b c'
    """
    return " ".join(_UNPRINTABLE.sub("\ufffd", str(text)).split())


def short(text: str, length: int) -> str:
    """Cut ``text`` to at most ``length`` characters, the last an ellipsis if something is missing.

    Examples
    --------
    >>> short("an interminable name", 8)
    'an inte…'
    """
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def settings(params: dict) -> str:
    """Write chosen hyper-parameters.

    Examples
    --------
    >>> settings({"C": 0.1, "p": 4})
    'C = 0.1, p = 4'
    """
    return ", ".join(f"{plain(name)} = {setting(value)}" for name, value in params.items()) or NONE


def setting(value: object) -> str:
    """Write one hyper-parameter value, a number with at most four digits.

    Examples
    --------
    >>> setting(0.12345678), setting("scale"), setting(None)
    ('0.1235', 'scale', 'none')
    """
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else plain(value)
