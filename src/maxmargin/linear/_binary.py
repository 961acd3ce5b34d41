"""What the classifiers made of two-class machines share."""

from typing import Any, Literal

from maxmargin._checks import check_choice
from maxmargin.linear._base import ClassWeight
from maxmargin.linear._probabilities import MarginClassifier, Probability
from maxmargin.losses import Hinge, Loss, OneVsRest, SquaredHinge

_SURROGATES = {"hinge": Hinge, "squared_hinge": SquaredHinge}


class BinaryMachines(MarginClassifier):
    """A margin classifier whose machines each tell two groups of rows apart, by the hinge or its square."""

    def __init__(
        self,
        C: float = 1.0,
        *,
        loss: Literal["hinge", "squared_hinge"] = "squared_hinge",
        fit_intercept: bool = True,
        class_weight: ClassWeight = None,
        tol: float = 1e-4,
        max_iter: int = 1000,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        probability: Probability = None,
    ) -> None:
        super().__init__(
            C,
            fit_intercept=fit_intercept,
            class_weight=class_weight,
            tol=tol,
            max_iter=max_iter,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
            probability=probability,
        )
        self.loss = loss

    def _loss(self) -> Loss:
        check_choice(self.loss, _SURROGATES, "loss")
        return OneVsRest(_SURROGATES[self.loss]())
