"""How sure a share is that was counted on one set of samples."""

from scipy import special

from maxmargin._checks import InputError
from maxmargin.metrics.resampling import LEVEL


def wilson_interval(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Confidence interval of a share, of which ``successes`` of ``n`` independent samples are an estimate.

    Wilson (1927), Probable inference, the law of succession, and statistical inference: the shares p that are
    within z standard errors ``sqrt(p (1 - p) / n)`` of what was counted. It stays in [0, 1], also where none
    or all succeeded.

    Parameters
    ----------
    successes, n : int
        Samples that count, of all.
    level : float
        Between 0 and 1.

    Returns
    -------
    (low, high)

    Raises
    ------
    InputError
        If n is not positive, there are fewer than 0 or more than n successes, or the level is not between
        0 and 1.

    Examples
    --------
    >>> low, high = wilson_interval(95, 100)
    >>> round(low, 3), round(high, 3)
    (0.888, 0.978)
    """
    if n < 1 or not 0 <= successes <= n:
        raise InputError(f"{successes} of {n} samples is no share; give 0 to n of at least one sample")
    if not 0 < level < 1:
        raise InputError(f"level is {level}; it must be between 0 and 1, such as 0.95")
    z = float(special.ndtri(0.5 + level / 2))
    share, weight = successes / n, z**2 / n
    centre = (share + weight / 2) / (1 + weight)
    half = z * ((share * (1 - share) + weight / 4) / n) ** 0.5 / (1 + weight)
    return max(centre - half, 0.0), min(centre + half, 1.0)
