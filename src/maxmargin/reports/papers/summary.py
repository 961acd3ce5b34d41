"""What the records say about each experiment at each scale, and the claims over all of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from maxmargin._checks import InputError
from maxmargin.evidence import Findings, Judgement, Printed, Table, Verdict, findings, judge_together
from maxmargin.reports.formats import duration, listing, setting
from maxmargin.reports.page import Facts, facts
from maxmargin.reports.papers.reading import Record, check_scales

FULL = "full"
OUTCOMES = ("holds", "not shown", "contradicted", "not run")
"""What may become of a claim, in the order in which it is told."""

_GROUPS = {
    "The papers' claims, at their scale": (True, False),
    "The papers' claims, at a reduced scale (quick)": (False, False),
    "Beyond the papers": (True, True),
    "Beyond the papers, at a reduced scale (quick)": (False, True),
}  # whether the paper's protocol was run, and whether the table is ours
_FEWEST_TOGETHER = 5  # data sets: of fewer, some agree by chance
_DATA = "data"  # entry of the records that tells data sets apart
_COMMIT = 10  # letters of a commit that tell it


@dataclass(frozen=True)
class ClaimSummary:
    """A row that is claimed to beat another one, judged in each column of its table."""

    table: Table
    better: str
    than: str
    judgements: tuple[Judgement, ...]

    @property
    def by_outcome(self) -> dict[str, list[Judgement]]:
        """The judgements by what became of them, in the order of ``OUTCOMES``."""
        return {
            outcome: same
            for outcome in OUTCOMES
            if (same := [one for one in self.judgements if outcome_of(one) == outcome])
        }

    @property
    def together(self) -> Verdict | None:
        """What all data sets say; None where the columns are none, or fewer than five were run."""
        verdicts = [one.verdict for one in self.judgements if one.verdict]
        if self.table.columns != _DATA or len(verdicts) < _FEWEST_TOGETHER:
            return None
        return judge_together(verdicts, self.table.better)


@dataclass(frozen=True)
class Section:
    """An experiment at one scale."""

    printed: Printed
    scale: str
    records: tuple[Record, ...]
    findings: tuple[Findings, ...]

    @property
    def name(self) -> str:
        """Letters, digits and hyphens that tell this section."""
        return f"{self.printed.name}-{self.scale}"

    @property
    def is_full(self) -> bool:
        """Whether the paper's protocol was run."""
        return self.scale == FULL

    @property
    def note(self) -> str:
        """How much was run, in words."""
        return self.printed.scales[self.scale].note

    @property
    def claims(self) -> list[ClaimSummary]:
        """The claims of all its tables; at a reduced scale, those that were run."""
        found: dict[tuple[int, str, str], list[Judgement]] = {}
        for number, one in enumerate(self.findings):
            for judgement in one.judgements:
                if self.is_full or judgement.verdict:
                    found.setdefault((number, judgement.better, judgement.than), []).append(judgement)
        return [
            ClaimSummary(self.findings[number].table, better, than, tuple(judged))
            for (number, better, than), judged in found.items()
        ]


@dataclass(frozen=True)
class ClaimGroup:
    """Claims that are summed up together, each with the section that judged it."""

    heading: str
    claims: tuple[tuple[Section, ClaimSummary], ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many came to each outcome, column by column; those that none came to are left out."""
        return _counted(outcome_of(one) for _, claim in self.claims for one in claim.judgements)

    @property
    def counts_together(self) -> dict[str, int]:
        """How many came to each outcome over all data sets together."""
        return _counted(claim.together.outcome for _, claim in self.claims if claim.together)


def summarise_evidence(
    experiments: Iterable[Printed], results: Mapping[str, Sequence[Record]]
) -> list[Section]:
    """Judge the records of each experiment, scale by scale, the paper's own one first.

    Parameters
    ----------
    experiments : iterable of Printed
        In the order in which they are told; those without records are left out.
    results : mapping from str to sequence of Record
        By the name of the experiment.

    Raises
    ------
    InputError
        If records do not fit the experiment.
    """
    sections = []
    for printed in experiments:
        records = results.get(printed.name, ())
        check_scales(printed, records)
        for scale in sorted(printed.scales, key=lambda scale: scale != FULL):
            own = tuple(record for record in records if record["scale"] == scale)
            if own:
                sections.append(Section(printed, scale, own, _filled(printed, scale, own)))
    return sections


def _filled(printed: Printed, scale: str, records: Sequence[Record]) -> tuple[Findings, ...]:
    try:
        return tuple(findings(table, records) for table in printed.tables)
    except InputError as error:
        raise InputError(f"{printed.name}.jsonl, scale {scale}: {error}") from error


def _counted(outcomes: Iterable[str]) -> dict[str, int]:
    """How often each occurs, in the order of ``OUTCOMES``; those that do not are left out."""
    counts = Counter(outcomes)
    return {outcome: counts[outcome] for outcome in OUTCOMES if counts[outcome]}


def outcome_of(judgement: Judgement) -> str:
    """One of ``OUTCOMES``."""
    return judgement.verdict.outcome if judgement.verdict else "not run"


def claim_groups(sections: Iterable[Section]) -> list[ClaimGroup]:
    """The papers' claims and those of our own tables, at the papers' scale and at a reduced one.

    Groups without a claim are left out.
    """
    told = [(section, claim) for section in sections for claim in section.claims]
    groups = [
        ClaimGroup(heading, tuple(one for one in told if (one[0].is_full, one[1].table.ours) == which))
        for heading, which in _GROUPS.items()
    ]
    return [group for group in groups if group.claims]


def without_records(experiments: Iterable[Printed], sections: Iterable[Section]) -> str:
    """A sentence on the experiments that have no records, or none at the paper's scale; empty if all have.

    Examples
    --------
    >>> without_records([Printed(name="tang", title="t", paper="p", scales={})], [])
    'Not run yet: tang.'
    """
    scales: dict[str, set[str]] = {}
    for section in sections:
        scales.setdefault(section.printed.name, set()).add(section.scale)
    names = [printed.name for printed in experiments]
    never = [name for name in names if name not in scales]
    reduced = [name for name in names if name in scales and FULL not in scales[name]]
    told = [("Not run yet", never), ("Run at a reduced scale alone", reduced)]
    return " ".join(f"{what}: {listing(which)}." for what, which in told if which)


def label_of(printed: Printed, entry: str, value: object) -> str:
    """What a line or a panel is called: its label, or what the record says.

    Examples
    --------
    >>> nothing = Printed(name="e", title="t", paper="p", scales={})
    >>> label_of(nothing, "method", "svm"), label_of(nothing, "p", 4)
    ('svm', 'p = 4')
    """
    labels: dict[str, str] = {}
    for table in reversed(printed.tables):
        labels |= table.labels
    plain = value if isinstance(value, str) else f"{entry} = {setting(value)}"
    return labels.get(str(value), plain)


def run_facts(section: Section) -> Facts:
    """How long it took, on what and with what."""
    records = section.records
    kinds = Counter(record["kind"] for record in records)
    seconds = [record["seconds"] for record in records if isinstance(record.get("seconds"), int | float)]
    commits = _different(str(record["commit"])[:_COMMIT] for record in records if record.get("commit"))
    return facts(
        ("Runs", listing([f"{count} of kind {kind}" for kind, count in kinds.items()])),
        ("Seeds", ", ".join(_different(record.get("seed") for record in records))),
        ("Time of all runs", duration(sum(seconds)) if seconds else None),
        ("Device", "; ".join(_different(record.get("device") for record in records))),
        ("Machine", "; ".join(_different(_machine(record.get("machine")) for record in records))),
        ("Versions", _versions(records)),
        ("Commit" if len(commits) == 1 else "Commits", ", ".join(commits)),
    )


def _different(values: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values if value is not None))


def _machine(machine: Any) -> str | None:
    if not isinstance(machine, Mapping):
        return None
    cpus = [f"{machine['cpus']} processors"] if "cpus" in machine else []
    others = [str(value) for name, value in machine.items() if name != "cpus" and value is not None]
    return ", ".join([*others, *cpus])


def _versions(records: Sequence[Record]) -> str | None:
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for library, version in (record.get("versions") or {}).items():
            found.setdefault(library, {})[str(version)] = None
    return listing([f"{name} {' or '.join(versions)}" for name, versions in found.items()]) if found else None
