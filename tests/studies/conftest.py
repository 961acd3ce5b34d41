from collections.abc import Callable
from typing import Any

import pytest

from maxmargin.datasets import Dataset, load_dataset

Record = dict[str, Any]


@pytest.fixture(scope="session")
def iris() -> Dataset:
    return load_dataset("iris")


@pytest.fixture(scope="session")
def outcome() -> Callable[[list[Record]], list[tuple]]:
    """What must not depend on interruptions: everything but the times, in a fixed order."""

    def of(records: list[Record]) -> list[tuple]:
        fields = ("fold", "params", "accuracy", "predictions", "validation_accuracy")
        seen = [
            (r["kind"], r["method"], r["split"], *(str(r.get(field)) for field in fields))
            for r in records
            if r["kind"] in ("validation", "test")
        ]
        return sorted(seen)

    return of
