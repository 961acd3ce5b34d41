"""Products by the slab: those of the whole, whatever the shapes and however the rows lie in memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxmargin.objectives import products

CASES = st.tuples(
    st.integers(0, 3000), st.integers(1, 40), st.integers(1, 160), st.sampled_from([np.float32, np.float64])
)


@pytest.fixture(scope="module", params=[True, False], ids=["slabs", "whole"])
def in_place(request):
    """Slabs are made, or not, whatever the processor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "multiplies_small_matrices_in_place", lambda: request.param)
        yield request.param


def drawn(case):
    n, n_scores, length, kind = case
    rng = np.random.default_rng(0)
    shapes = [(n, length), (n_scores, length), (n, n_scores)]
    X, coef, by_scores = (rng.normal(size=shape).astype(kind) for shape in shapes)
    return X, coef, np.asfortranarray(by_scores), 100 * length * np.finfo(kind).eps


@pytest.mark.usefixtures("in_place")
@given(case=CASES)
def test_scores(case):
    X, coef, _, rounding = drawn(case)
    scores = products.products(X, coef)
    assert scores.dtype == X.dtype
    assert scores.T.flags.c_contiguous
    np.testing.assert_allclose(scores, X.astype(float) @ coef.T.astype(float), atol=rounding)


@pytest.mark.usefixtures("in_place")
@given(case=CASES)
def test_sums(case):
    X, _, by_scores, rounding = drawn(case)
    sums = products.combinations(by_scores, X)
    assert sums.dtype == X.dtype
    np.testing.assert_allclose(sums, by_scores.T.astype(float) @ X.astype(float), atol=10 * rounding)


@pytest.mark.usefixtures("in_place")
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_rows_that_lie_column_by_column_or_apart_are_not_copied_into_slabs(kind):
    X, coef, by_scores, rounding = drawn((2000, 10, 64, kind))
    for laid in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X[:, ::-1]):
        assert not products._has_slabs(laid, 64)
        np.testing.assert_allclose(products.products(laid, coef), laid @ coef.T, atol=rounding)
        np.testing.assert_allclose(
            products.combinations(by_scores, laid), by_scores.T @ laid, atol=10 * rounding
        )


def test_slabs_are_made_where_they_help(monkeypatch):
    X, coef, by_scores, _ = drawn((2000, 10, 128, np.float32))
    slabs = []
    monkeypatch.setattr(products, "multiplies_small_matrices_in_place", lambda: slabs.append(1) or True)
    products.products(X, coef), products.combinations(by_scores, X)
    assert len(slabs) == 2
    products.products(X[:100], coef), products.combinations(by_scores[:100], X[:100])
    assert len(slabs) == 2
