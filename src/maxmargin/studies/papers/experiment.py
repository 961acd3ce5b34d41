"""The papers' experiments, as their files describe them."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from maxmargin._checks import InputError, check_choice
from maxmargin.evidence import Printed
from maxmargin.studies.papers.averaged_networks import AveragedNetworks
from maxmargin.studies.papers.features import Features
from maxmargin.studies.papers.linear_models import LinearModels
from maxmargin.studies.papers.m3svm_figures import M3SVMFigures
from maxmargin.studies.papers.networks import Networks
from maxmargin.studies.papers.procedure import Procedure

_FILES = files("maxmargin.studies.papers")

AnyProcedure = Annotated[
    AveragedNetworks | Features | LinearModels | M3SVMFigures | Networks, Field(discriminator="kind")
]


class Experiment(Printed):
    """An experiment of a paper: what is printed, and the procedure that reruns it.

    Attributes
    ----------
    procedure : Procedure
        With the settings of scale ``full``.
    """

    procedure: AnyProcedure

    @model_validator(mode="after")
    def _check_scales(self) -> Self:
        for scale in self.scales:
            self.at(scale)
        return self

    def at(self, scale: str) -> Procedure:
        """The procedure with the settings of a scale.

        Raises
        ------
        InputError
            If the scale is unknown.
        """
        check_choice(scale, self.scales, "scale")
        settings = _merged(self.procedure.model_dump(exclude_unset=True), self.scales[scale].changes)
        return type(self.procedure).model_validate(settings)


def available_experiments() -> dict[str, Experiment]:
    """All experiments by name.

    Examples
    --------
    >>> available_experiments()["tang-mnist"].title
    'A softmax or an L2-SVM on top of a network, on MNIST'
    """
    return {name: load_experiment(name) for name in _names()}


def load_experiment(name: str) -> Experiment:
    """Read an experiment.

    Raises
    ------
    InputError
        If the name is unknown.

    Examples
    --------
    >>> load_experiment("tang-mnist").tables[0].printed["dlsvm-l2"]
    0.0087
    """
    check_choice(name, _names(), "experiment")
    return read_experiment(name, (_FILES / f"{name}.toml").read_text(encoding="utf-8"))


def read_experiment(name: str, text: str) -> Experiment:
    """Experiment of a file's text.

    Raises
    ------
    InputError
        If it is no TOML, or a key is unknown, missing or has a wrong value: all of them are named.
    """
    try:
        return Experiment.model_validate(tomllib.loads(text) | {"name": name})
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}.toml: {error}") from error
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"{name}.toml: {found}") from error


def _names() -> list[str]:
    return sorted(p.name.removesuffix(".toml") for p in _FILES.iterdir() if p.name.endswith(".toml"))


def _merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(settings)
    for name, value in changes.items():
        inner = both.get(name)
        both[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both
