"""How far long work is, told while it runs."""

from typing import Any


def progress_bar(unit: str, *, transient: bool = False) -> Any:
    """A bar of rich with the time left on standard error, silent where that is no terminal.

    Parameters
    ----------
    unit : str
        What is counted, in the plural.
    transient : bool, default=False
        Whether it leaves nothing behind.

    Examples
    --------
    >>> with progress_bar("epochs") as bar:
    ...     bar.advance(bar.add_task("training", total=3))
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn(f"{unit}, time left"),
        TimeRemainingColumn(),
        console=console,
        transient=transient,
        disable=not console.is_terminal,
    )
