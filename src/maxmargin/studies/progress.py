"""How far a study is, told while it runs."""

from typing import Protocol

from maxmargin._progress import progress_bar


class Progress(Protocol):
    """Where a study says how far it is, in fits."""

    def begin(self, total: int, done: int) -> None:
        """Say how many fits there are and how many were done before."""
        ...

    def advance(self, fits: int, what: str) -> None:
        """Say that this many more are done, the last of them being ``what``."""
        ...


class ProgressBar:
    """A bar with the time left on standard error, silent where that is no terminal.

    Examples
    --------
    >>> with ProgressBar() as progress:
    ...     progress.begin(total=2, done=0)
    ...     progress.advance(1, "softmax")
    """

    def __init__(self) -> None:
        self._bar = progress_bar("fits", transient=True)
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> "ProgressBar":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def begin(self, total: int, done: int) -> None:
        """Show how many fits there are and how many were done before."""
        self._bar.reset(self._task, total=total, completed=done)

    def advance(self, fits: int, what: str) -> None:
        """Show that this many more are done, the last of them being ``what``."""
        self._bar.update(self._task, advance=fits, description=what)
