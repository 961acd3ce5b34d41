"""The projections on simplices against slow, exact ones."""

import array_api_strict
import numpy as np
import pytest

from maxmargin.functional import project_capped_simplex, project_simplex, project_top_k_simplex
from tests.reference import projections as reference

TOP_K = [(c, k) for c in (2, 3, 5, 8) for k in (1, 2, 3, 7) if k < c]


@pytest.fixture
def spread(rng):
    """Rows of c columns, near 0 and far out."""
    return lambda c: rng.normal(loc=0.1, size=(150, c)) * np.geomspace(0.02, 30.0, 150)[:, None]


@pytest.mark.parametrize("c", [1, 2, 5, 20])
def test_simplex(c, spread):
    points = spread(c)
    matrix = np.vstack([-np.eye(c), np.ones((1, c)), -np.ones((1, c))])
    expected = reference.project(points, matrix, np.concatenate([np.zeros(c), [1.0, -1.0]]))
    np.testing.assert_allclose(project_simplex(points), expected, atol=1e-8)


@pytest.mark.parametrize("cap", [1.0, 0.7, 0.5, 1 / 3, 0.25, 0.2, 0.1])
@pytest.mark.parametrize("c", [2, 5])
def test_capped_simplex(c, cap, spread):
    points = spread(c)
    expected = reference.project(points, *reference.capped_simplex(c, cap))
    np.testing.assert_allclose(project_capped_simplex(points, cap), expected, atol=1e-8)


@pytest.mark.parametrize("cap", [1.0, 0.6, 0.5, 0.4])
def test_a_coordinate_of_minus_infinity_is_left_out(cap, spread):
    points = spread(5)
    expected = project_capped_simplex(points, cap)
    with_infinity = np.insert(points, 2, -np.inf, axis=1)
    np.testing.assert_allclose(
        project_capped_simplex(with_infinity, cap), np.insert(expected, 2, 0, axis=1), atol=1e-15
    )
    np.testing.assert_array_equal(project_simplex(with_infinity)[:, 2], 0)


@pytest.mark.parametrize(("c", "k"), TOP_K)
def test_top_k_simplex(c, k, spread):
    points = spread(c)
    expected = reference.project(points, *reference.top_k_simplex(c, k))
    np.testing.assert_allclose(project_top_k_simplex(points, k), expected, atol=1e-8)


def test_top_k_simplex_meets_every_kind_of_face(rng):
    points = rng.normal(scale=0.5, size=(2000, 6)) * np.geomspace(0.05, 5.0, 2000)[:, None]
    nearest = project_top_k_simplex(points, 3)
    np.testing.assert_allclose(nearest, reference.project(points, *reference.top_k_simplex(6, 3)), atol=1e-8)
    total = nearest.sum(axis=1, keepdims=True)
    at_bound = np.sum(nearest > total / 3 - 1e-12, axis=1)[total[:, 0] > 0]
    tight = total[total > 0] > 1 - 1e-12
    assert {(int(p), bool(t)) for p, t in zip(at_bound, tight, strict=True)} == {
        (p, t) for p in (0, 1, 2, 3) for t in (False, True)
    }
    assert np.any(total == 0)


@pytest.mark.parametrize("count", [3, 7, 10, 49, 98, 100])
def test_a_cap_of_one_nth_lets_n_coordinates_reach_it(count):
    """1 / n is not exact, and n of them need not sum to 1."""
    points = np.concatenate([np.full((1, count), 5.0), np.zeros((1, 3))], axis=1)
    for nearest in (project_capped_simplex(points, 1 / count), project_top_k_simplex(points, count)):
        np.testing.assert_allclose(nearest[0, :count], 1 / count, rtol=1e-12)
        np.testing.assert_allclose(nearest[0, count:], 0, atol=1e-15)
    only = project_capped_simplex(points[:, :count], 1 / count)
    np.testing.assert_allclose(only, 1 / count, rtol=1e-12)


@pytest.mark.parametrize("far", [1e3, 1e8, 1e15])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_coordinate_far_out_costs_the_others_no_digits(far, k):
    points = np.array([[0.3, 0.25, 0.2, 0.1, -far], [far, 0.3, 0.25, 0.1, -far]])
    near = np.clip(points, -5.0, 5.0)
    np.testing.assert_allclose(
        project_capped_simplex(points, 1 / k), project_capped_simplex(near, 1 / k), rtol=0, atol=1e-15
    )
    np.testing.assert_allclose(
        project_top_k_simplex(points, k)[1], project_top_k_simplex(near, k)[1], atol=1e-15
    )


def test_ties_are_treated_alike():
    np.testing.assert_allclose(project_top_k_simplex(np.ones((1, 4)), 2), 0.25)
    np.testing.assert_allclose(project_top_k_simplex(np.full((1, 4), 0.1), 2), 0.1)
    np.testing.assert_allclose(project_capped_simplex(np.ones((1, 4)), 0.5), 0.25)


@pytest.mark.parametrize(
    "project",
    [
        project_simplex,
        lambda points: project_capped_simplex(points, 1.0),
        lambda points: project_capped_simplex(points, 0.5),
        lambda points: project_top_k_simplex(points, 1),
        lambda points: project_top_k_simplex(points, 3),
    ],
    ids=["simplex", "capped-1", "capped-half", "top-1", "top-3"],
)
def test_the_same_lines_run_on_every_namespace_and_precision(project, spread):
    points = spread(5)
    expected = project(points)
    strict = project(array_api_strict.asarray(points))
    np.testing.assert_allclose(np.asarray(strict), expected, atol=1e-14)
    single = project(points.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=1e-5)
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(project(torch.tensor(points)).numpy(), expected, atol=1e-14)
    assert project(points[:0]).shape == (0, 5)
