import pytest

import maxmargin.linear
from maxmargin import save_model
from tests.persistence.folders import CentroidScores, iris_model


@pytest.fixture
def own(monkeypatch):
    """CentroidScores as if maxmargin.linear defined it."""
    monkeypatch.setattr(CentroidScores, "__module__", "maxmargin.linear")
    monkeypatch.setattr(maxmargin.linear, "CentroidScores", CentroidScores, raising=False)
    return CentroidScores


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_model(
        iris_model()[0],
        tmp_path_factory.mktemp("models") / "iris",
        metadata={"kind": "table", "größe": [1, 2.5]},
    )
