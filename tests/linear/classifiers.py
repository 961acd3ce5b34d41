"""The classifiers of maxmargin.linear, which offers functions and searches beside them."""

from maxmargin import linear
from maxmargin.linear._base import LinearClassifier

NAMES = [
    name
    for name, public in ((name, getattr(linear, name)) for name in linear.__all__)
    if isinstance(public, type) and issubclass(public, LinearClassifier)
]
