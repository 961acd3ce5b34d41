"""The records as a Markdown document, with its figures beside it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from maxmargin._files import replacing
from maxmargin.evidence import Findings
from maxmargin.evidence.findings import ONLY
from maxmargin.reports.formats import plain
from maxmargin.reports.papers import words
from maxmargin.reports.papers.pictures import Picture, missing
from maxmargin.reports.papers.rules import CAPTIONS, RULES, scale_heading, table_heading
from maxmargin.reports.papers.summary import ClaimSummary, Section, claim_groups, outcome_of, run_facts
from maxmargin.reports.svg import Drawing, standalone

TITLE = "What the papers claim, and what our runs show"
FIGURES = "figures"
"""Folder of the figures beside the document."""

_OURS = "<!-- drawn by maxmargin report -->"  # marks a figure that a later report may remove


def write_markdown(
    sections: Sequence[Section],
    drawn: Mapping[str, Sequence[Picture]],
    docs: Path,
    *,
    unrun: str = "",
) -> None:
    """Write ``results.md`` and its figures.

    Figures of an earlier report that are no longer drawn are removed; other files stay.

    Parameters
    ----------
    sections : sequence of Section
        From :func:`~maxmargin.reports.papers.summarise_evidence`.
    drawn : mapping
        Their figures, from :func:`~maxmargin.reports.papers.draw_figures`.
    docs : Path
        The folder to write to.
    unrun : str
        A sentence on what has no records, from :func:`~maxmargin.reports.papers.without_records`.
    """
    drawings = [drawing for section in sections for one in drawn[section.name] for drawing in one.drawings]
    for drawing in drawings:
        with replacing(docs / FIGURES / f"{drawing.name}.svg") as draft:
            draft.write_text(f"{standalone(drawing)}{_OURS}\n", encoding="utf-8")
    with replacing(docs / "results.md") as draft:
        draft.write_text("\n".join(_document(sections, drawn, unrun)) + "\n", encoding="utf-8")
    for path in (docs / FIGURES).glob("*.svg"):
        known = {drawing.name for drawing in drawings}
        if path.stem not in known and path.read_text(encoding="utf-8", errors="replace").rstrip().endswith(
            _OURS
        ):
            path.unlink()


def _document(
    sections: Sequence[Section], drawn: Mapping[str, Sequence[Picture]], unrun: str
) -> Iterable[str]:
    yield f"# {TITLE}"
    yield ""
    yield "Made by `maxmargin report` from the records of `maxmargin reproduce`; no number is typed by hand."
    if unrun:
        yield from ("", _escaped(unrun))
    yield from _summary(sections)
    yield from ("", "## How to read the tables", "")
    yield from (f"- {_escaped(rule)}" for rule in RULES)
    last = None
    for section in sections:
        if section.printed is not last:
            yield from _experiment(section)
        last = section.printed
        yield from _section(section, drawn[section.name])


def _summary(sections: Sequence[Section]) -> Iterable[str]:
    for group in claim_groups(sections):
        rows = [
            [
                f"[{section.printed.name}](#{_anchor(section)})",
                _escaped(claim.table.name),
                _escaped(words.claimed(claim)),
                _outcomes(claim),
                words.differences(claim),
            ]
            for section, claim in group.claims
        ]
        told = words.tallied(group)
        yield from ("", f"## {group.heading}", "", f"{told[:1].upper()}{told[1:]}.", "")
        yield from _table(["Experiment", "Table", "Claim", "Verdict", "Difference [95 %]"], rows, 4)


def _experiment(section: Section) -> Iterable[str]:
    printed = section.printed
    yield from ("", f"## {_heading(section)}", "", f"{_escaped(printed.paper)}.")
    if printed.differences:
        yield from ("", "Where the protocol had to differ:", "")
        yield from (f"- {_escaped(difference)}" for difference in printed.differences)


def _heading(section: Section) -> str:
    return f"{section.printed.name}: {_escaped(section.printed.title)}"


def _section(section: Section, drawn: Sequence[Picture]) -> Iterable[str]:
    heading = _escaped(scale_heading(section.is_full, section.note))
    yield from ("", f"### {heading}")
    if not section.is_full:
        yield from (
            "",
            "> This is a reduction of the paper's protocol; its figures are no rerun of the paper's.",
        )
    for found in section.findings:
        if found.is_run:
            yield from _filled(section, found)
    for one in drawn:
        if one.drawings:
            yield from _drawn(one)
    yield from ("", _escaped(missing(section, drawn)))
    yield from ("", "<details><summary>How it was run</summary>", "")
    yield from (f"- {name}: {_escaped(value)}" for name, value in run_facts(section))
    yield from ("", "</details>")


def _filled(section: Section, found: Findings) -> Iterable[str]:
    yield from ("", f"#### {_escaped(table_heading(found.table))}")
    if not section.is_full:
        yield from ("", f"*{_escaped(scale_heading(section.is_full, section.note))}*")
    yield from _by_columns(found) if found.table.columns else _one_column(found, ONLY)
    yield from _judged(section, found)
    yield from _chosen(found)


def _drawn(one: Picture) -> Iterable[str]:
    """The drawings of a figure, two beside each other where there are several."""
    yield from ("", f"#### {_escaped(one.figure.name)}. {_escaped(one.figure.title)}", "")
    if len(one.drawings) == 1:
        yield _embedded(one.drawings[0])
    else:
        captions, embedded = list(map(_escaped, one.captions)), list(map(_embedded, one.drawings))
        rows = [part[k : k + 2] for k in range(0, len(captions), 2) for part in (captions, embedded)]
        yield from _table(rows[0], [row if len(row) == 2 else [*row, ""] for row in rows[1:]], 2)
    yield from ("", CAPTIONS[one.figure.kind])


def _one_column(found: Findings, column: str) -> Iterable[str]:
    yield ""
    yield from _table(
        words.heads(found), [[_escaped(name), *cells] for name, cells in words.lines(found, column)], 1
    )


def _by_columns(found: Findings) -> Iterable[str]:
    """All of it at a glance, and every column in full where a reader asks for it."""
    table, columns = found.table, words.run_columns(found)
    names = [words.named(table, column) for column in columns]
    rows = [
        [_escaped(words.named(table, row)), *("<br>".join(words.glance(found, row, c)) for c in columns)]
        for row in found.rows
    ]
    yield ""
    yield from _table([words.head_of_rows(found), *map(_escaped, names)], rows, 1)
    yield from ("", _escaped(words.left_out(found)))
    yield from ("", f"<details><summary>{_escaped(table.name)} column by column, with intervals</summary>")
    for column, name in zip(columns, names, strict=True):
        yield from ("", f"**{_escaped(name)}**")
        yield from _one_column(found, column)
    yield from ("", "</details>")


def _judged(section: Section, found: Findings) -> Iterable[str]:
    claims = [claim for claim in section.claims if claim.table is found.table]
    if not claims:
        return
    yield from ("", words.direction(found.table), "")
    if not found.table.columns:
        is_printed = any(one.printed is not None for claim in claims for one in claim.judgements)
        rows = [
            [_escaped(words.claimed(claim)), _strong(outcome), *rest, *([paper] if is_printed else [])]
            for claim in claims
            for outcome, *rest, paper in (words.judged(one, found.table) for one in claim.judgements)
        ]
        paper = ["Paper's difference"] if is_printed else []
        yield from _table(["Claim", "Verdict", "Difference [95 %]", "n", *paper], rows, 2)
        return
    columns = list(dict.fromkeys(one.column for claim in claims for one in claim.judgements))
    pooled = any(claim.together for claim in claims)
    rows = []
    for claim in claims:
        by_column = {
            one.column: "<br>".join([_strong(outcome_of(one)), *words.under_verdict(one, found.table)])
            for one in claim.judgements
        }
        texts = [by_column.get(column, "") for column in columns]
        together = [_strong(claim.together.outcome) if claim.together else "", *words.under_together(claim)]
        rows.append([_escaped(words.claimed(claim)), *(["<br>".join(together)] if pooled else []), *texts])
    heads = [_escaped(words.named(found.table, column)) for column in columns]
    yield from _table(["Claim", *(["All together"] if pooled else []), *heads], rows, 1)


def _chosen(found: Findings) -> Iterable[str]:
    told, ends = words.chosen(found), words.at_ends(found)
    if ends:
        yield from ("", _escaped(ends))
    if told:
        yield from ("", f"Run with: {'; '.join(f'{_escaped(name)}: {_escaped(x)}' for name, x in told)}.")


def _outcomes(claim: ClaimSummary) -> str:
    return re.sub(
        r"(^|; )([a-z ]+)", lambda found: found[1] + _strong(found[2]), _escaped(words.became(claim))
    )


def _strong(outcome: str) -> str:
    return f"**{outcome}**"


def _embedded(drawing: Drawing) -> str:
    said = _escaped(f"{drawing.title}. {drawing.description}")
    return f"![{said}]({FIGURES}/{drawing.name}.svg)"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> Iterable[str]:
    """Lines of a table, its first columns aligned to the left."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join('---' if k < left else '--:' for k in range(len(heads)))}|"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _escaped(text: str) -> str:
    r"""Text that Markdown shows as it is.

    Examples
    --------
    >>> print(_escaped("a|b <i> x_1*"))
    a\|b &lt;i> x\_1\*
    """
    return re.sub(r"([\\`*_|\[\]~#])", r"\\\1", plain(text)).replace("&", "&amp;").replace("<", "&lt;")


def _anchor(section: Section) -> str:
    """What GitHub calls the heading of the experiment in a link."""
    heading = f"{section.printed.name}: {plain(section.printed.title)}"
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
