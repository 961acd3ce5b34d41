"""What networks are trained on and how, as an experiment's file says it."""

from itertools import product
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from maxmargin.evidence import Strict
from maxmargin.studies.papers.network_inputs import Inputs, present
from maxmargin.studies.papers.procedure import Procedure

Params = dict[str, int | float]


class NetworkMethod(Strict):
    """A loss, and the values of its settings to choose from.

    Attributes
    ----------
    loss : str
        Name of its class in :mod:`maxmargin.nn`.
    choices : mapping from str to list
        Values of each setting; the one of least validation error is taken, without a try where there is only
        one. ``C`` multiplies the loss. ``lr``, ``momentum``, ``weight_decay`` and ``head_weight_decay`` are
        the trainer's. ``head_margin`` is that of an L-Softmax head. ``pairwise`` is the strength of M3SVM's
        penalty beside the loss. All others are the loss's own.
    training : mapping
        Settings of the trainer that differ from the procedure's.
    after : str or None
        The method, before this one, whose network this one goes on from.
    epochs, selection_epochs : int or None
        Passes, where they differ from the procedure's.
    kind : {"test", "sweep", "drift"}
        Kind of the records: the chosen settings on the test rows; all of them, none being chosen; or the
        chosen ones, with a look at ten networks along the way.
    data : list of str or None
        The data sets that it is for; None is all.
    """

    loss: str
    choices: dict[str, list[int | float]]
    training: dict[str, Any] = Field(default={})
    after: str | None = None
    epochs: int | None = None
    selection_epochs: int | None = None
    kind: Literal["test", "sweep", "drift"] = "test"
    data: list[str] | None = None

    def candidates(self) -> list[Params]:
        """All combinations of the settings' values."""
        return [dict(zip(self.choices, values, strict=True)) for values in product(*self.choices.values())]

    @property
    def chooses(self) -> bool:
        """Whether there is anything to choose."""
        return self.kind != "sweep" and len(self.candidates()) > 1


class NetworkSettings(Procedure):
    """What ways of training networks share.

    Attributes
    ----------
    data : mapping from str to Inputs
        The data sets by the name of the table's column.
    epochs, selection_epochs : int
        Passes of a training, and of one that only chooses.
    noise : float
        Standard deviation of the inputs' noise at first; it goes to 0 linearly.
    training : mapping
        Other settings of the trainer.
    methods : mapping from str to NetworkMethod
        By the name of the row.
    test_curve : bool
        Whether the test rows are scored after each epoch, for the record alone.
    filters : bool
        Whether the first layer's filters are drawn.
    objectives : mapping from str to str
        Methods whose objective each trained network is judged by, by the name of the record's entry.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch",)

    data: dict[str, Inputs]
    epochs: int
    selection_epochs: int
    noise: float = 0.0
    training: dict[str, Any]
    methods: dict[str, NetworkMethod]
    test_curve: bool = False
    filters: bool = False
    objectives: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = list(self.methods)
        for number, (name, method) in enumerate(self.methods.items()):
            if method.after is not None and method.after not in names[:number]:
                raise ValueError(f"methods.{name}: after is {method.after!r}, which is no method before it")
            for unknown in set(method.data or ()) - self.data.keys():
                raise ValueError(f"methods.{name}: data names {unknown!r}, which is no data set here")
        for unknown in set(self.objectives.values()) - self.methods.keys():
            raise ValueError(f"objectives names {unknown!r}, which is no method here")
        return self

    def methods_on(self, data: str) -> dict[str, NetworkMethod]:
        """The methods that are for a data set."""
        return {name: m for name, m in self.methods.items() if m.data is None or data in m.data}

    def passes(self, method: str, *, choosing: bool) -> int:
        """Epochs of a training with a method."""
        own = self.methods[method]
        return (own.selection_epochs or self.selection_epochs) if choosing else (own.epochs or self.epochs)

    @property
    def sources(self) -> list[str]:
        """Those of all columns."""
        return list(dict.fromkeys(inputs.source for inputs in self.data.values()))

    def effort(self, seeds: range) -> float:
        """Of all trainings on the data sets that are here."""
        return sum(
            self._effort(data, method, seeds)
            for data in present(self.data)
            for method in self.methods_on(data)
        )

    def _effort(self, data: str, method: str, seeds: range) -> float:
        inputs, own = self.data[data], self.methods[method]
        n_candidates = len(own.candidates())
        runs = len(seeds) * (n_candidates if own.kind == "sweep" else 1)
        effort = runs * inputs.seconds(self.passes(method, choosing=False), inputs.train_rows)
        if own.chooses:
            known = inputs.train_rows - inputs.validation_rows
            effort += n_candidates * inputs.seconds(self.passes(method, choosing=True), known)
        return effort
