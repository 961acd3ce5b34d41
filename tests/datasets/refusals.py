"""What reading says of a source that it refuses."""

import pytest

from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset


def refusal(path, **arguments):
    with pytest.raises(InputError) as caught:
        load_dataset(path, **arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message
