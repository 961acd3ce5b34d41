"""Laws of the losses that are a largest of affine functions: their dual polytope, and what stands on it."""

import numpy as np
import pytest

from maxmargin.losses import CrammerSinger, OneVsRest, Proximal, TopK, WestonWatkins
from tests.reference import projections as reference

POLYTOPES = {
    "ovr": (OneVsRest(), lambda y: reference.box(5)),  # noqa: ARG005
    "ww": (WestonWatkins(), lambda y: reference.without(reference.box(5), y)),
    "cs": (CrammerSinger(), lambda y: reference.without(reference.capped_simplex(5, 1.0), y)),
}
for k in (1, 2, 3, 4):
    POLYTOPES[f"top-{k}-alpha"] = (TopK(k, "alpha"), lambda y, k=k: reference.top_k_simplex(5, k))  # noqa: ARG005
    POLYTOPES[f"top-{k}-beta"] = (
        TopK(k, "beta"),
        lambda y, k=k: reference.without(reference.capped_simplex(5, 1 / k), y),
    )
LOSSES = {name: loss for name, (loss, _) in POLYTOPES.items()}
each_loss = pytest.mark.parametrize("name", LOSSES)


@pytest.fixture
def points(rng):
    """Rows near 0, where few bounds hold, to rows far out, where many do."""
    return rng.normal(loc=0.1, size=(120, 5)) * np.geomspace(0.05, 20.0, 120)[:, None]


@pytest.fixture
def target(rng):
    return rng.integers(0, 5, size=120)


@each_loss
def test_projection_is_the_nearest_point_of_the_polytope(name, points, target):
    loss, polytope = POLYTOPES[name]
    expected = [reference.project(v[None], *polytope(y))[0] for v, y in zip(points, target, strict=True)]
    np.testing.assert_allclose(loss.project(points, target), expected, atol=1e-8)


@each_loss
def test_projection_is_idempotent_and_not_expansive(name, points, target, rng):
    project = LOSSES[name].project
    once = project(points, target)
    np.testing.assert_allclose(project(once, target), once, atol=1e-15)
    others = points + rng.normal(size=points.shape) * rng.choice([0.01, 1.0, 10.0], size=(120, 1))
    moved = np.linalg.norm(project(others, target) - once, axis=1)
    assert np.all(moved <= np.linalg.norm(others - points, axis=1) * (1 + 1e-12))
    assert np.any(moved > 0)


@each_loss
def test_the_origin_lies_in_the_polytope(name, target):
    np.testing.assert_array_equal(LOSSES[name].project(np.zeros((120, 5)), target), 0)


@each_loss
def test_tangent_is_the_derivative_of_the_projection(name, points, target, rng):
    direction, step = rng.normal(size=points.shape), 1e-7
    project = LOSSES[name].project
    quotient = (project(points + step * direction, target) - project(points - step * direction, target)) / (
        2 * step
    )
    product, diagonal = LOSSES[name].tangent(points, target)
    np.testing.assert_allclose(product(direction), quotient, atol=1e-6)
    columns = [product(np.broadcast_to(unit, points.shape))[:, k] for k, unit in enumerate(np.eye(5))]
    np.testing.assert_allclose(diagonal, np.stack(columns, axis=1), atol=1e-14)


@each_loss
def test_tangent_is_an_orthogonal_projection(name, points, target, rng):
    product = LOSSES[name].tangent(points, target).product
    a, b = rng.normal(size=(2, *points.shape))
    np.testing.assert_allclose(product(product(a)), product(a), atol=1e-14)
    np.testing.assert_allclose(np.sum(a * product(b), axis=1), np.sum(product(a) * b, axis=1), atol=1e-13)


@each_loss
def test_push_is_the_derivative_of_the_violations(name, points, target, rng):
    direction = rng.normal(size=points.shape)
    loss = LOSSES[name]
    moved = loss.violations(points + direction, target) - loss.violations(points, target)
    np.testing.assert_allclose(loss.push(direction, target), moved, atol=1e-13)


@each_loss
def test_pull_is_the_transpose_of_push(name, points, target, rng):
    direction = rng.normal(size=points.shape)
    duals = LOSSES[name].project(points, target)
    pushed = np.sum(duals * LOSSES[name].push(direction, target), axis=1)
    pulled = np.sum(LOSSES[name].pull(duals, target) * direction, axis=1)
    np.testing.assert_allclose(pulled, pushed, atol=1e-13)


@each_loss
def test_value_is_the_largest_over_the_polytope(name, points, target, rng):
    loss = LOSSES[name]
    value, violations = loss.value(points, target), loss.violations(points, target)
    sharp = Proximal(loss, width=1e-9, centre=np.zeros_like(points)).maximiser(points, target)
    np.testing.assert_allclose(np.sum(sharp * violations, axis=1), value, rtol=1e-9, atol=1e-12)
    for scale in (0.1, 1.0, 10.0):
        inside = loss.project(rng.normal(scale=scale, size=points.shape), target)
        assert np.all(np.sum(inside * violations, axis=1) <= value + 1e-12)


@each_loss
def test_conjugate_is_the_dual_value(name, points, target):
    loss = LOSSES[name]
    sharp = Proximal(loss, width=1e-9, centre=np.zeros_like(points)).maximiser(points, target)
    constant = np.sum(sharp * loss.violations(np.zeros_like(points), target), axis=1)
    np.testing.assert_allclose(loss.conjugate(loss.pull(sharp, target), target), -constant, atol=1e-12)


@each_loss
@pytest.mark.parametrize("width", [0.1, 1.0, 10.0])
def test_proximal_lies_below_the_loss_by_no_more_than_its_pull(name, width, points, target, rng):
    loss = LOSSES[name]
    centre = loss.project(rng.normal(size=points.shape), target)
    below = loss.value(points, target) - Proximal(loss, width, centre).value(points, target)
    sharp = Proximal(loss, 1e-9, centre).maximiser(points, target)
    assert np.all(below >= -1e-12)
    assert np.all(below <= width / 2 * np.sum((sharp - centre) ** 2, axis=1) + 1e-8)
    assert np.any(below > 0.01 * width)


@each_loss
@pytest.mark.parametrize("width", [0.1, 1.0, 10.0])
def test_proximal_is_the_loss_where_the_centre_is_the_maximiser(name, width, points, target):
    loss = LOSSES[name]
    sharp = Proximal(loss, 1e-9, np.zeros_like(points)).maximiser(points, target)
    proximal = Proximal(loss, width, sharp)
    np.testing.assert_allclose(proximal.maximiser(points, target), sharp, atol=1e-12)
    np.testing.assert_allclose(
        proximal.value(points, target), loss.value(points, target), rtol=1e-9, atol=1e-12
    )
    gradient = proximal.value_and_gradient(points, target)[1]
    np.testing.assert_allclose(gradient, loss.value_and_gradient(points, target)[1], atol=1e-12)


@each_loss
def test_proximal_gradient_certifies_a_bound_of_the_loss(name, points, target, rng):
    loss = LOSSES[name]
    proximal = Proximal(loss, 1.0, loss.project(rng.normal(size=points.shape), target))
    gradient = proximal.value_and_gradient(points, target)[1]
    for scale in (0.1, 1.0, 10.0):
        others = points + rng.normal(scale=scale, size=points.shape)
        bound = np.sum(gradient * others, axis=1) - proximal.conjugate(gradient, target)
        assert np.all(bound <= loss.value(others, target) + 1e-12)


@each_loss
def test_renaming_the_classes_renames_the_projection(name, points, target, rng):
    order = rng.permutation(5)
    renamed = LOSSES[name].project(points[:, order], np.argsort(order)[target])
    np.testing.assert_allclose(renamed, LOSSES[name].project(points, target)[:, order], atol=1e-14)
