"""The command that makes the document and the page of the papers' experiments from their records."""

from pathlib import Path
from typing import Annotated

import typer

from maxmargin._files import naming


def report(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="Folder of records, as reproduce leaves it.")
    ],
    html: Annotated[
        bool, typer.Option("--html", help="Write results.html too, one page that needs no network.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for results.md and its figures.")] = Path("docs"),
) -> None:
    """Set the records of RESULTS beside the papers' figures: tables, verdicts on the claims, and figures."""
    from maxmargin.reports.papers import (
        claim_groups,
        draw_figures,
        read_results,
        summarise_evidence,
        tallied,
        without_records,
        write_evidence_html,
        write_markdown,
    )
    from maxmargin.studies.papers import available_experiments

    experiments = list(available_experiments().values())
    found = read_results(results, [experiment.name for experiment in experiments])
    sections = summarise_evidence(experiments, found)
    with naming(out):
        out.mkdir(parents=True, exist_ok=True)
    drawn, unrun = draw_figures(sections), without_records(experiments, sections)
    write_markdown(sections, drawn, out, unrun=unrun)
    if html:
        write_evidence_html(sections, drawn, out / "results.html", unrun=unrun)
    for group in claim_groups(sections):
        typer.echo(f"{group.heading}: {tallied(group)}")
    if unrun:
        typer.echo(unrun)
    typer.echo(f"report: {out / 'results.md'}")
    if html:
        typer.echo(f"page:   {out / 'results.html'}")
