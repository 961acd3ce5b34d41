"""Which method minimises, and for how long."""

from types import SimpleNamespace

import pytest

from maxmargin.objectives import Certificate, minimisation


@pytest.mark.parametrize(("left", "most"), [(100.0, 3), (5.0, 3 + minimisation._FEW_MORE), (0.5, 0)])
def test_a_goal_that_is_near_is_worth_more_quasi_newton_steps(left, most):
    goal = SimpleNamespace(goal=1.0)

    def finished(_):
        return left <= goal.goal

    finished.goal, finished.certificate = goal, Certificate(0.0, 0.0, left)
    quick = minimisation._QuickEnough(finished, 3)
    asked = [quick(None) for _ in range(most + 1)]
    assert asked == most * [False] + [True]
