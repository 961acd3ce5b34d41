"""The records as one self-contained page, from claim to verdict to curve."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from maxmargin.evidence import Findings
from maxmargin.reports.drawing import COLOURS
from maxmargin.reports.page import Cell, Line, write_page
from maxmargin.reports.papers import words
from maxmargin.reports.papers.markdown import TITLE
from maxmargin.reports.papers.pictures import Picture, missing
from maxmargin.reports.papers.rules import CAPTIONS, RULES, scale_heading, table_heading
from maxmargin.reports.papers.summary import ClaimSummary, Section, claim_groups, outcome_of, run_facts
from maxmargin.reports.svg import RULE, Drawing

# The page's names of the colours of a figure, which it changes where it is dark.
_NAMES = ("blue", "orange", "green", "violet", "olive", "teal", "pink", "ink", "muted", "rule")
_THEME = {colour: f"var(--{name})" for colour, name in zip((*COLOURS, RULE), _NAMES, strict=True)}


def write_evidence_html(
    sections: Sequence[Section],
    drawn: Mapping[str, Sequence[Picture]],
    path: str | Path,
    *,
    unrun: str = "",
) -> None:
    """Write the evidence as one self-contained page.

    Parameters
    ----------
    sections : sequence of Section
        From :func:`~maxmargin.reports.papers.summarise_evidence`.
    drawn : mapping
        Their figures, from :func:`~maxmargin.reports.papers.draw_figures`.
    path : str or Path
        The file to write; what stood there is replaced once the page is whole.
    unrun : str
        A sentence on what has no records, from :func:`~maxmargin.reports.papers.without_records`.
    """
    groups = claim_groups(sections)
    contents = {
        "name": TITLE,
        "full_name": TITLE,
        "verdict": [f"{group.heading}: {words.tallied(group)}." for group in groups]
        or ["No claim has been judged."],
        "claims": [
            {"heading": group.heading, "claims": [_claim(*told) for told in group.claims]} for group in groups
        ],
        "experiments": [
            _experiment(list(own), drawn)
            for _, own in groupby(sections, key=lambda section: section.printed.name)
        ],
        "rules": RULES,
        "unrun": unrun,
    }
    write_page("evidence.html.jinja", contents, path)


def _claim(section: Section, claim: ClaimSummary) -> dict[str, Any]:
    return {
        "words": words.claimed(claim),
        "outcomes": words.outcomes(claim),
        "difference": words.differences(claim),
        "experiment": f"{section.printed.name}, {claim.table.name}",
        "anchor": _anchor(section, claim.table.name),
    }


def _experiment(sections: Sequence[Section], drawn: Mapping[str, Sequence[Picture]]) -> dict[str, Any]:
    printed = sections[0].printed
    return {
        "name": printed.name,
        "title": printed.title,
        "paper": printed.paper,
        "differences": printed.differences,
        "scales": [_scale(section, drawn[section.name]) for section in sections],
    }


def _scale(section: Section, drawn: Sequence[Picture]) -> dict[str, Any]:
    return {
        "name": section.name,
        "is_full": section.is_full,
        "heading": scale_heading(section.is_full, section.note),
        "tables": [_table(section, found) for found in section.findings if found.is_run],
        "drawings": [
            (_themed(drawing), f"{drawing.title}. {CAPTIONS[one.figure.kind]}")
            for one in drawn
            for drawing in one.drawings
        ],
        "missing": missing(section, drawn),
        "facts": run_facts(section),
    }


def _table(section: Section, found: Findings) -> dict[str, Any]:
    table = found.table
    claims = [claim for claim in section.claims if claim.table is table]
    columns = list(dict.fromkeys(one.column for claim in claims for one in claim.judgements))
    pooled = any(claim.together for claim in claims)
    return {
        "anchor": _anchor(section, table.name),
        "heading": table_heading(table),
        "direction": words.direction(table),
        "heads": words.heads(found),
        "parts": [
            {"name": words.named(table, column), "lines": _lines(found, column)}
            for column in words.run_columns(found)
        ],
        "left_out": words.left_out(found),
        "glance": _glance(found) if table.columns else None,
        "claim_heads": [
            "Claim",
            *(["All together"] if pooled else []),
            *([words.named(table, c) for c in columns] if table.columns else ["Verdict"]),
        ],
        "claims": [
            {
                "words": words.claimed(claim),
                "cells": [*([_together(claim)] if pooled else []), *_judged(claim, columns)],
            }
            for claim in claims
        ],
        "chosen": words.chosen(found),
        "at_ends": words.at_ends(found),
    }


def _lines(found: Findings, column: str) -> list[Line]:
    return [Line(name, name, tuple(map(Cell, cells))) for name, cells in words.lines(found, column)]


def _glance(found: Findings) -> dict[str, Any]:
    columns = words.run_columns(found)
    return {
        "heads": [words.head_of_rows(found), *(words.named(found.table, column) for column in columns)],
        "lines": [
            (words.named(found.table, row), [words.glance(found, row, column) for column in columns])
            for row in found.rows
        ],
    }


def _judged(claim: ClaimSummary, columns: Sequence[str]) -> list[tuple[str, list[str]] | None]:
    """Verdict of each column, and the lines below it; None where the claim is not of that column."""
    by_column = {
        one.column: (outcome_of(one), words.under_verdict(one, claim.table)) for one in claim.judgements
    }
    return [by_column.get(column) for column in columns]


def _together(claim: ClaimSummary) -> tuple[str, list[str]] | None:
    return (claim.together.outcome, words.under_together(claim)) if claim.together else None


def _anchor(section: Section, table: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"table-{section.name}-{table}".lower()).strip("-")


def _themed(drawing: Drawing) -> Drawing:
    """A figure in the page's colours; one with pictures stays on white as it is."""
    if "<image" in drawing.svg:
        return drawing
    return replace(drawing, svg=re.sub("|".join(_THEME), lambda found: _THEME[found[0]], drawing.svg))
